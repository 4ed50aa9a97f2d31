// The request body in one piece, gathered from chunks: each byte is copied here once and sent on from here.
#pragma once

#include "lifecycle/memory_budget.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace epp::lifecycle {

/// Owned by one stream until it is handed out by freeze(); then shared by the replies that still refer to it. The
/// budget is charged for the capacity, from the first byte until the last owner is gone.
class BodyBuffer {
 public:
  enum class Result : std::uint8_t { kOk, kTooLarge, kNoMemory };

  /// `limit`: most bytes of the body. `budget` must outlive the buffer and everything frozen from it.
  BodyBuffer(std::size_t limit, MemoryBudget& budget);
  ~BodyBuffer();
  BodyBuffer(const BodyBuffer&) = delete;
  BodyBuffer& operator=(const BodyBuffer&) = delete;

  /// The body is announced to have so many bytes. A hint: a buffer grows to that size at once, yet to no more than
  /// kTrust times what has come, and the body may be shorter or longer.
  void expect(std::size_t bytes) { expected_ = bytes; }
  static constexpr std::size_t kTrust = 64;

  /// Appends all pieces or nothing. `last`: no room is made for more.
  Result append(std::span<const std::string_view> pieces, bool last = false);

  std::string_view view() const;
  std::size_t size() const { return size_; }
  /// Keeps the bytes of view() alive; nothing may be appended any more.
  std::shared_ptr<const void> freeze();

 private:
  struct Block;
  bool reserve(std::size_t needed, bool last);

  const std::size_t limit_;
  MemoryBudget& budget_;
  std::size_t size_ = 0;
  std::size_t expected_ = 0;
  std::shared_ptr<Block> block_;
};

}  // namespace epp::lifecycle
