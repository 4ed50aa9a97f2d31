// The command line of epp-plugin-check.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::check {

inline constexpr int kExitPass = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

struct Options {
  std::string file;
  std::string parameters;          // JSON object for every type that is checked; "": generated ones only
  std::string type;                // only this type; "": all of the library
  std::vector<std::string> words;  // that headers, labels and metadata say now and then
  std::vector<std::string> only;   // check ids or their first part ("calls"); empty: all
  std::vector<std::string> allow;  // ids whose failures are warnings
  uint64_t seed = 1;
  double step_seconds = 10;  // a step that takes longer hangs
  double budget_ms = 50;     // CPU time of one call
  unsigned threads = 4;
  bool quick = false;
  bool sanitize = false;
  bool json = false;

  bool wants(std::string_view check) const;
};

// nullopt when there is nothing left to do; `status` then is the exit status. Help, --list and complaints go to `out`
// and `err`.
std::optional<Options> parse_options(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                                     int& status);

}  // namespace epp::check
