// The programs that are compared, and what the kernel knows about them.
#pragma once

#include "bench/wire/metrics_servers.h"
#include "bench/wire/workload.h"
#include "support/files.h"
#include "support/process.h"

#include <cstdint>
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
  ServerProcess(const Program& program, const MetricsServers& endpoints, const Workload& workload);

  const std::string& target() const { return target_; }  ///< host:port of ext-proc
  bool listening() const;
  void pause() const;
  void resume() const;
  bool running() { return process_.running(); }
  std::string output() const { return process_.output(); }

  double cpu_seconds() const;   ///< used so far, all threads, user and system
  double peak_rss_mib() const;  ///< VmHWM
  double rss_mib() const;       ///< VmRSS
  /// Mean microseconds of its decisions between two calls, from its metrics; NaN when there was none.
  double mean_decision_us();

 private:
  double status_mib(const std::string& name) const;

  testing::TempDir directory_;
  std::string target_;
  std::uint16_t metrics_port_;
  double decisions_ = 0;  // when last asked
  double decision_seconds_ = 0;
  testing::Process process_;
};

}  // namespace epp::bench
