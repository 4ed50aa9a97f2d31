// The programs that are compared, and what the kernel knows about them.
#pragma once

#include "bench/wire/metrics_servers.h"
#include "bench/wire/workload.h"
#include "support/files.h"
#include "support/process.h"

#include <filesystem>
#include <string>
#include <vector>

namespace epp::bench {

/// How a program is started: `noop-ext-proc`, or an EPP.
struct Program {
  std::string name;  ///< in the tables
  std::filesystem::path path;
  bool is_epp = true;
};

/// A running server. It is stopped (SIGSTOP) whenever it is not being measured, so that its scraping does not
/// disturb the others.
class ServerProcess {
 public:
  /// Throws std::runtime_error when it does not run.
  ServerProcess(const Program& program, const MetricsServers& endpoints, unsigned endpoint_count);

  const std::string& target() const { return target_; }  ///< host:port of ext-proc
  bool listening() const;
  void pause() const;
  void resume() const;
  bool running() { return process_.running(); }
  std::string output() const { return process_.output(); }

  double cpu_seconds() const;   ///< used so far, all threads, user and system
  double peak_rss_mib() const;  ///< VmHWM

 private:
  testing::TempDir directory_;
  std::string target_;
  testing::Process process_;
};

}  // namespace epp::bench
