#include "flowcontrol/deadlines.h"

#include <bit>

namespace epp::flowcontrol {
namespace {

constexpr Nanos kTick = 1'000'000;
constexpr std::uint16_t kNotFiled = 0;
constexpr std::uint16_t kInDue = UINT16_MAX;

}  // namespace

void Deadlines::add(Item& item, Nanos due) {
  item.due = due;
  if (due != kNever) file(item);
}

void Deadlines::file(Item& item) {
  // Rounded up, so that nothing is due early.
  const std::uint64_t tick = item.due / kTick + (item.due % kTick != 0 ? 1 : 0);
  if (tick <= tick_) {
    item.wheel_slot = kInDue;
    due_.push_back(item);
    return;
  }
  const unsigned level = (static_cast<unsigned>(std::bit_width(tick ^ tick_)) - 1) / kDigitBits;
  const auto slot = static_cast<unsigned>((tick >> (level * kDigitBits)) % kSlots);
  used_[level] |= std::uint64_t{1} << slot;
  slots_[level][slot].push_back(item);
  item.wheel_slot = static_cast<std::uint16_t>(1 + level * kSlots + slot);
}

void Deadlines::remove(Item& item) {
  if (item.wheel_slot == kNotFiled) return;
  if (item.wheel_slot == kInDue) {
    due_.remove(item);
  } else {
    const unsigned level = (item.wheel_slot - 1u) / kSlots;
    const unsigned slot = (item.wheel_slot - 1u) % kSlots;
    slots_[level][slot].remove(item);
    if (slots_[level][slot].empty()) used_[level] &= ~(std::uint64_t{1} << slot);
  }
  item.wheel_slot = kNotFiled;
}

bool Deadlines::first_used(FirstSlot& first) const {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (used_[level] == 0) continue;
    const auto slot = static_cast<unsigned>(std::countr_zero(used_[level]));
    const unsigned shift = level * kDigitBits;
    const std::uint64_t above = tick_ >> (shift + kDigitBits) << (shift + kDigitBits);
    first = {level, slot, above | (std::uint64_t{slot} << shift)};
    return true;
  }
  return false;
}

Item* Deadlines::pop_due(Nanos now) {
  const std::uint64_t target = now / kTick;
  while (due_.empty() && tick_ < target) {
    FirstSlot first{};
    if (!first_used(first) || first.tick > target) {
      tick_ = target;
      break;
    }
    tick_ = first.tick;
    used_[first.level] &= ~(std::uint64_t{1} << first.slot);
    for (Item* item = slots_[first.level][first.slot].take_all(); item != nullptr;) {
      Item* const next = List::after(*item);
      file(*item);
      item = next;
    }
  }
  Item* const item = due_.front();
  if (item != nullptr) {
    due_.remove(*item);
    item->wheel_slot = kNotFiled;
  }
  return item;
}

Nanos Deadlines::next() const {
  if (!due_.empty()) return 0;
  FirstSlot first{};
  return first_used(first) ? first.tick * kTick : kNever;
}

}  // namespace epp::flowcontrol
