// Thins out repeated log messages; internal to the room.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace epp::telemetry::detail {

/// Per second and message the first 100 pass and then each 100th. Messages are told apart by a hash, so two of them may
/// share a count now and then. Lock-free; thread-safe.
class LogSampler {
 public:
  /// `stratum` 0..2: info, verbosity 1, errors. Messages count per stratum.
  bool pass(unsigned stratum, std::string_view message, std::chrono::system_clock::time_point now);

 private:
  static constexpr std::uint64_t kFirst = 100;
  static constexpr std::uint64_t kThereafter = 100;
  static constexpr std::size_t kSlots = 1024;
  struct Slot {
    std::atomic<std::int64_t> second{0};
    std::atomic<std::uint64_t> count{0};
  };
  std::array<std::array<Slot, kSlots>, 3> slots_;
};

}  // namespace epp::telemetry::detail
