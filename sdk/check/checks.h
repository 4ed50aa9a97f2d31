// The checks there are. Their ids are what reports, --only, --allow and scripts name: they do not change.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace epp::check {

// What runs together in one child process.
enum class Group : uint8_t {
  kElf,      // the file is read, not loaded
  kLoad,     // the library is loaded and described
  kCreate,   // instances are made, per type
  kCalls,    // every function, from one thread, per type
  kThreads,  // the same from many threads at once, per type
  kLeaks,    // whole requests over and over, per type
  kUnload,   // loaded and unloaded 100 times
  kEvery,    // watched in all of the groups above
};
inline constexpr Group kGroups[] = {Group::kElf,     Group::kLoad,  Group::kCreate, Group::kCalls,
                                    Group::kThreads, Group::kLeaks, Group::kUnload};
std::string_view to_string(Group group);

struct Check {
  std::string_view id;
  Group group;
  std::string_view good;    // what a report says when nothing was found
  std::string_view advice;  // what to do when something was
};

std::span<const Check> all_checks();
const Check* find_check(std::string_view id);

}  // namespace epp::check
