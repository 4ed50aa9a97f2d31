// What a call is about and where its answer goes: candidates, kept slots, picks, profile results.
#ifndef EPP_CPP_VIEWS_HPP
#define EPP_CPP_VIEWS_HPP

#include <epp/abi.h>
#include <epp/cpp/error.hpp>
#include <epp/cpp/wide_loops.hpp>
#include <epp/ext/profile_handler.h>
#include <epp/ext/saturation_detector.h>

#include <algorithm>
#include <span>
#include <string_view>

namespace epp::sdk {

namespace detail {
EPP_WIDE_LOOPS inline bool consecutive(const uint32_t* slots, uint32_t count) {
  uint32_t gaps = 0;
  for (uint32_t i = 0; i < count; ++i)
    gaps |= slots[i] ^ (slots[0] + i);
  return gaps == 0;
}
}  // namespace detail

class Candidates {
 public:
  explicit Candidates(const epp_candidates* raw) : raw_(raw) {}
  uint32_t size() const { return raw_->count; }
  bool empty() const { return raw_->count == 0; }
  std::span<const uint32_t> slots() const { return {raw_->slots, raw_->count}; }
  uint32_t slot(uint32_t position) const { return raw_->slots[position]; }
  // Whether slot(i) is slot(0) + i for all: mostly, unless something narrowed them.
  bool consecutive() const { return detail::consecutive(raw_->slots, raw_->count); }
  const epp_endpoint& endpoint(uint32_t position) const { return *raw_->endpoints[raw_->slots[position]]; }
  // Of one that need not be a candidate, by a slot that was remembered or read from a value; nullptr when it is gone.
  const epp_endpoint* endpoint_at_slot(int64_t slot) const {
    return slot >= 0 && static_cast<uint64_t>(slot) < raw_->slot_limit ? raw_->endpoints[slot] : nullptr;
  }
  const epp_candidates* raw() const { return raw_; }

 private:
  const epp_candidates* raw_;
};

namespace detail {
inline std::string_view value_of(std::span<const epp_label> sorted, std::string_view key) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), key,
                                   [](const epp_label& l, std::string_view k) { return view(l.key) < k; });
  return at != sorted.end() && view(at->key) == key ? view(at->value) : std::string_view{};
}
}  // namespace detail

// Value of a label or annotation, or a view with data() == nullptr.
inline std::string_view label(const epp_endpoint& endpoint, std::string_view key) {
  return detail::value_of({endpoint.labels, static_cast<size_t>(endpoint.label_count)}, key);
}
inline std::string_view annotation(const epp_endpoint& endpoint, std::string_view key) {
  return detail::value_of({endpoint.annotations, static_cast<size_t>(endpoint.annotation_count)}, key);
}

// Requests that were let through and that a reading may not show yet; none outside of flow control.
class Reservations {
 public:
  explicit Reservations(const epp_reservations* raw) : raw_(raw) {}
  uint64_t undecided() const { return raw_ == nullptr ? 0 : raw_->undecided; }
  int64_t undecided_tokens() const { return raw_ == nullptr ? 0 : raw_->undecided_tokens; }
  uint32_t unseen(uint32_t slot) const { return raw_ == nullptr || raw_->unseen == nullptr ? 0 : raw_->unseen[slot]; }

 private:
  const epp_reservations* raw_;
};

// Where filters and screeners put what they keep.
class Kept {
 public:
  Kept(uint32_t* slots, uint32_t capacity) : slots_(slots), capacity_(capacity) {}
  void keep(uint32_t slot) {
    if (count_ < capacity_) slots_[count_++] = slot;
  }
  void keep_all(const Candidates& candidates) {
    std::copy_n(candidates.slots().data(), candidates.size(), slots_);
    count_ = candidates.size();
  }
  // Keeps, in order, the candidates for which `predicate(position)` holds.
  template <typename Predicate>
  void keep_if(const Candidates& candidates, Predicate&& predicate) {
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      if (predicate(i)) keep(candidates.slot(i));
    }
  }
  uint32_t count() const { return count_; }
  void clear() { count_ = 0; }

 private:
  uint32_t* slots_;
  uint32_t capacity_;
  uint32_t count_ = 0;
};

// Where pickers put the chosen positions, best first.
class Picks {
 public:
  Picks(uint32_t* positions, uint32_t capacity) : positions_(positions), capacity_(capacity) {}
  void add(uint32_t position) {
    if (count_ < capacity_) positions_[count_++] = position;
  }
  uint32_t count() const { return count_; }

 private:
  uint32_t* positions_;
  uint32_t capacity_;
  uint32_t count_ = 0;
};

// Results of the scheduling profiles, by manifest index.
class Results {
 public:
  explicit Results(const epp_profile_results* raw) : raw_(raw) {}
  uint32_t size() const { return static_cast<uint32_t>(raw_->count); }
  const epp_profile_result& operator[](uint32_t i) const {
    return *EPP_AT(epp_profile_result, raw_->items, raw_->stride, i);
  }
  const epp_profile_result& primary() const { return (*this)[raw_->primary]; }
  const epp_endpoint& endpoint(uint32_t slot) const { return *raw_->endpoints[slot]; }
  // First target of a succeeded result, or nullptr.
  const epp_endpoint* first_target(const epp_profile_result& result) const {
    if (result.state != EPP_PROFILE_SUCCEEDED || result.target_count == 0) return nullptr;
    return raw_->endpoints[result.targets[0]];
  }
  const epp_profile_result* find(std::string_view name) const {
    for (uint32_t i = 0; i < size(); ++i) {
      if (view((*this)[i].name) == name) return &(*this)[i];
    }
    return nullptr;
  }
  const epp_profile_results* raw() const { return raw_; }

 private:
  const epp_profile_results* raw_;
};

}  // namespace epp::sdk

#endif  // EPP_CPP_VIEWS_HPP
