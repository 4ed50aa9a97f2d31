#include "bench/wire/comparison.h"

#include "bench/wire/load.h"
#include "support/wait.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace epp::bench {
namespace {

// A server, its connections, and its figures so far.
struct Contestant {
  Contestant(const Program& program, const MetricsServers& endpoints, const Workload& workload)
      : server(program, endpoints, workload), load(server.target(), workload), figures{program.name, {}, 0} {}
  ServerProcess server;
  Load load;
  ServerFigures figures;
};

[[noreturn]] void fail(Contestant& contestant, const std::string& what) {
  std::string output = contestant.server.output();
  if (output.size() > 4000) output.erase(0, output.size() - 4000);
  throw std::runtime_error(contestant.figures.name + ": " + what + "\n" + output);
}

LoadResult run(Contestant& contestant, std::chrono::milliseconds duration, bool traffic) {
  if (!traffic) {
    std::this_thread::sleep_for(duration);  // what is measured is the time that passes
    return {};
  }
  LoadResult result = contestant.load.run(duration);
  if (result.failures != 0) fail(contestant, "a request failed: " + result.failure);
  return result;
}

Sample measure(Contestant& contestant, const Schedule& schedule, bool traffic) {
  contestant.server.resume();
  run(contestant, schedule.warm_up, traffic);
  const double before = contestant.server.cpu_seconds();
  const LoadResult result = run(contestant, schedule.measure, traffic);
  const double cpu = contestant.server.cpu_seconds() - before;
  contestant.server.pause();
  if (!traffic) return {.cpu = cpu * 1000 / std::chrono::duration<double>(schedule.measure).count()};
  return {.cpu = cpu * 1000 / static_cast<double>(result.requests),
          .p50_ms = result.quantile_ms(0.5),
          .p99_ms = result.quantile_ms(0.99),
          .rate = result.rate()};
}

}  // namespace

std::vector<ServerFigures> compare(const std::vector<Program>& programs, const Workload& workload,
                                   const Schedule& schedule) {
  const bool traffic = workload.streams != 0;
  const MetricsServers endpoints(workload.endpoints, workload.page);
  std::vector<std::unique_ptr<Contestant>> contestants;
  for (const Program& program : programs) {
    auto& contestant = *contestants.emplace_back(std::make_unique<Contestant>(program, endpoints, workload));
    // Nothing is asked before it listens: after a refused connection gRPC would wait for seconds.
    const bool serves = testing::wait_until([&] {
      return !contestant.server.running() || (contestant.server.listening() && !contestant.load.destination().empty());
    });
    if (!serves || !contestant.server.running()) fail(contestant, "it does not serve");
    contestant.server.pause();
  }
  for (unsigned round = 0; round < schedule.rounds; ++round) {
    // Another one begins each time.
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      Contestant& contestant = *contestants[(round + i) % contestants.size()];
      contestant.figures.rounds.push_back(measure(contestant, schedule, traffic));
    }
  }
  std::vector<ServerFigures> figures;
  for (const auto& contestant : contestants) {
    contestant->figures.peak_rss_mib = contestant->server.peak_rss_mib();
    figures.push_back(contestant->figures);
  }
  return figures;
}

}  // namespace epp::bench
