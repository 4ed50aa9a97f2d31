// Bytes of bodies that all streams together may hold back.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace epp::lifecycle {

/// [any thread] Outlives its reservations.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit) : limit_(limit) {}

  bool take(std::uint64_t bytes) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
    give_back(bytes);
    return false;
  }
  void give_back(std::uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  std::uint64_t limit() const { return limit_; }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_{0};
};

/// A growing share of the budget, given back at the latest when destroyed.
class Reservation {
 public:
  explicit Reservation(MemoryBudget* budget) : budget_(budget) {}
  Reservation(Reservation&& other) noexcept : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  Reservation& operator=(Reservation&&) = delete;
  ~Reservation() { release(); }

  bool grow(std::uint64_t bytes) {
    if (!budget_->take(bytes)) return false;
    bytes_ += bytes;
    return true;
  }
  void release() {
    if (bytes_ != 0) budget_->give_back(std::exchange(bytes_, 0));
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  MemoryBudget* budget_;
  std::uint64_t bytes_ = 0;
};

}  // namespace epp::lifecycle
