#include "lifecycle/body_buffer.h"

#include <algorithm>
#include <cstring>

namespace epp::lifecycle {
namespace {

// Requests may wait long with their bodies, and most bodies are small.
constexpr std::size_t kFirstBlock = 4 * 1024;

}  // namespace

struct BodyBuffer::Block {
  explicit Block(MemoryBudget* of) : charge(of) {}

  Reservation charge;
  std::unique_ptr<char[]> bytes;
  std::size_t capacity = 0;
};

BodyBuffer::BodyBuffer(std::size_t limit, MemoryBudget& budget) : limit_(limit), budget_(budget) {}

BodyBuffer::~BodyBuffer() = default;

BodyBuffer::Result BodyBuffer::append(std::span<const std::string_view> pieces, bool last) {
  std::size_t added = 0;
  for (std::string_view piece : pieces)
    added += piece.size();
  if (added > limit_ - std::min(limit_, size_)) return Result::kTooLarge;
  if (added == 0) return Result::kOk;
  if ((!block_ || size_ + added > block_->capacity) && !reserve(size_ + added, last)) return Result::kNoMemory;
  for (std::string_view piece : pieces) {
    if (!piece.empty()) std::memcpy(block_->bytes.get() + size_, piece.data(), piece.size());
    size_ += piece.size();
  }
  return Result::kOk;
}

bool BodyBuffer::reserve(std::size_t needed, bool last) {
  std::size_t wanted = last ? needed : block_ ? block_->capacity * 2 : kFirstBlock;
  if (!last && expected_ >= needed) wanted = std::min(expected_, std::max(wanted, needed * kTrust));
  const std::size_t capacity = std::max(needed, std::min(wanted, std::max(limit_, needed)));
  auto grown = std::make_shared<Block>(&budget_);
  if (!grown->charge.grow(capacity)) return false;
  grown->bytes = std::make_unique_for_overwrite<char[]>(capacity);
  grown->capacity = capacity;
  if (size_ != 0) std::memcpy(grown->bytes.get(), block_->bytes.get(), size_);
  block_ = std::move(grown);
  return true;
}

std::string_view BodyBuffer::view() const {
  return block_ ? std::string_view(block_->bytes.get(), size_) : std::string_view();
}

std::shared_ptr<const void> BodyBuffer::freeze() {
  return block_;
}

}  // namespace epp::lifecycle
