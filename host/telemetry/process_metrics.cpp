#include "telemetry/epp_metrics.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/resource.h>
#include <unistd.h>

namespace epp::telemetry {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

// Field `number` of /proc/self/stat, numbered from 1 as in proc(5), from 3 on.
double stat_field(const std::string& stat, int number) {
  const auto name_end = stat.rfind(')');  // the program's name may contain anything
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= number; ++i)
    fields >> field;
  double value = 0;
  std::from_chars(field.data(), field.data() + field.size(), value);
  return value;
}

double boot_time() {
  std::istringstream lines(read_file("/proc/stat"));
  for (std::string key; lines >> key;) {
    double value = 0;
    if (key == "btime" && lines >> value) return value;
    lines.ignore(1 << 20, '\n');
  }
  return 0;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_bytes() {
  return stat_field(read_file("/proc/self/stat"), 24) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double virtual_bytes() {
  return stat_field(read_file("/proc/self/stat"), 23);
}

double open_fds() {
  std::error_code failure;
  std::filesystem::directory_iterator it("/proc/self/fd", failure);
  double count = -1;  // the iterator's own
  for (; !failure && it != std::filesystem::directory_iterator(); it.increment(failure))
    ++count;
  return count < 0 ? 0 : count;
}

double max_fds() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double start_time() {
  return boot_time() + stat_field(read_file("/proc/self/stat"), 22) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::vector<CallbackHandle> register_process_metrics(Registry& registry) {
  std::vector<CallbackHandle> handles;
  const auto add = [&](const char* name, const char* help, MetricKind kind, double (*compute)()) {
    handles.push_back(registry.callback({.name = name, .help = help, .labels = {}}, kind,
                                        [compute](CallbackSink& sink) { sink.emit({}, compute()); }));
  };
  add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", MetricKind::kCounter,
      cpu_seconds);
  add("process_resident_memory_bytes", "Resident memory size in bytes.", MetricKind::kGauge, resident_bytes);
  add("process_virtual_memory_bytes", "Virtual memory size in bytes.", MetricKind::kGauge, virtual_bytes);
  add("process_open_fds", "Number of open file descriptors.", MetricKind::kGauge, open_fds);
  add("process_max_fds", "Maximum number of open file descriptors.", MetricKind::kGauge, max_fds);
  add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", MetricKind::kGauge,
      start_time);
  return handles;
}

}  // namespace epp::telemetry
