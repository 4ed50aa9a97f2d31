// Keeps a label whose values come from clients from growing without bound.
#pragma once

#include <cstddef>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace epp::telemetry {

/// Passes the first `max_distinct` distinct values through and folds all later ones to "other", until some are
/// released. Empty stays empty. Pinned values are never folded and do not count. Thread-safe.
class LabelLimiter {
 public:
  static constexpr std::string_view kOther = "other";
  /// Longer values are folded at once: a client must not be able to fill memory with names.
  static constexpr std::size_t kMaxLength = 1024;

  explicit LabelLimiter(std::size_t max_distinct) : max_distinct_(max_distinct) {}

  /// `value` itself, or kOther. The result lives as long as the argument.
  std::string_view fold(std::string_view value);
  void pin(std::string_view value);
  /// The value is not used any more: its place goes to the next new one.
  void release(std::string_view value);
  std::size_t distinct() const;
  bool full() const { return distinct() >= max_distinct_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Set = std::unordered_set<std::string, Hash, std::equal_to<>>;

  const std::size_t max_distinct_;
  mutable std::shared_mutex mutex_;
  Set seen_;
  Set pinned_;
};

}  // namespace epp::telemetry
