#include "support/proc.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>

#include <unistd.h>

namespace epp::testing {
namespace {

std::string place(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

std::ifstream opened(pid_t pid, const char* file) {
  std::ifstream stream(place(pid, file));
  if (!stream) throw std::runtime_error("cannot read " + place(pid, file));
  return stream;
}

}  // namespace

std::uint64_t resident_bytes(pid_t pid) {
  std::ifstream stream = opened(pid, "statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  stream >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t open_descriptors(pid_t pid) {
  const std::filesystem::directory_iterator entries(place(pid, "fd"));
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

std::size_t mapped_files(pid_t pid, const std::string& name) {
  std::ifstream maps = opened(pid, "maps");
  std::set<std::string> inodes;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(name) == std::string::npos) continue;
    std::istringstream fields(line);
    std::string range, access, offset, device, inode;
    fields >> range >> access >> offset >> device >> inode;
    inodes.insert(inode);
  }
  return inodes.size();
}

}  // namespace epp::testing
