#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/types.h>

namespace epp::testing {

// What /proc says about a process. Throws std::runtime_error when it is gone.
std::uint64_t resident_bytes(pid_t pid);
std::size_t open_descriptors(pid_t pid);
// How many different files whose path contains `name` are mapped.
std::size_t mapped_files(pid_t pid, const std::string& name);

}  // namespace epp::testing
