// What belongs to the process and a plugin must leave alone.
#pragma once

#include "check/channel.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace epp::check {

// MXCSR or FPCR without the flags that arithmetic itself sets.
uint32_t floating_point_control();

class ProcessState {
 public:
  ProcessState();  // now
  // Reports what is different now.
  void compare(const std::string& type, Channel& channel) const;

 private:
  uint32_t floating_point_;
  std::vector<std::string> signals_;  // action of each, as text
  std::string mask_;
  std::string locale_;
  std::string directory_;
  std::vector<std::string> environment_;
  unsigned umask_;
  uint64_t forks_;
};

// Open file descriptors and threads of this process.
size_t open_descriptors();
size_t running_threads();
// Bytes in use on the heap.
size_t heap_in_use();

}  // namespace epp::check
