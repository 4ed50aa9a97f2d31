#pragma once

#include "support/ext_proc_client.h"
#include "support/kube_server.h"
#include "support/process.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace epp::bench {

// An EPP as a program: ours or another one with the same flags.
struct PickerProgram {
  std::string name;
  std::filesystem::path path;
  std::vector<std::string> flags;  // of this program alone
};

// One that follows a pool, and questions to it.
class Picker {
 public:
  // Starts it; `pool` need not exist in `name_space`.
  Picker(const PickerProgram& program, const testing::KubeServer& cluster, const std::string& name_space);

  // Whether a request that may go to this endpoint alone is sent there right now. False also while nobody answers.
  bool routes_to(const std::string& address) const;
  // Resident memory.
  double rss_mib() const;
  bool running() { return process_.running(); }
  std::string output() const { return process_.output(); }

 private:
  explicit Picker(const PickerProgram& program, const testing::KubeServer& cluster, const std::string& name_space,
                  std::uint16_t port);

  testing::Process process_;
  testing::ExtProcClient client_;
};

}  // namespace epp::bench
