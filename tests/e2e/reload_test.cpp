// Reloads under load through a real Envoy: configuration and plugin builds change several times a second, and no client
// notices.
#include "deployment.h"
#include "open_loop.h"
#include "support/places.h"
#include "support/proc.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;

// Two thousand a second unless EPP_RELOAD_RATE says otherwise; the short form spares the machine that others test on.
double wanted_rate() {
  if (const char* rate = std::getenv("EPP_RELOAD_RATE")) return std::atof(rate);
  return long_tests() ? 2000 : 500;
}

class ReloadUnderLoad : public ::testing::Test {
 protected:
  ReloadUnderLoad() {
    fs::create_directory(library().parent_path());
    install("one");
    write_manifest(1);
    EppOptions options{.arguments = {"--config-file=" + manifest().string(),
                                     "--plugin-dir=" + library().parent_path().string(), "--watch-config-file=false",
                                     "--v=1"}};
    for (const char* name : {"alpha", "beta"}) {
      // As fast as they can: what is measured is what stands before them.
      sims_.push_back(std::make_unique<ModelSim>(
          ModelSimOptions{.name = name,
                          .arguments = {"--ttft-ms", "0", "--itl-ms", "0", "--prefill-tokens-per-second", "1e9",
                                        "--kv-blocks", "50000"}}));
      options.arguments.push_back(std::string("--endpoint=") + name + "=" + sims_.back()->address() + ",build=one");
    }
    epp_ = std::make_unique<EppServer>(options);
    envoy_ = std::make_unique<EnvoyServer>(EnvoyOptions{.ext_proc_port = epp_->grpc_port()});
  }

  fs::path manifest() const { return directory_.path() / "manifest.json"; }
  fs::path library() const { return directory_.path() / "plugins" / "build-marker.so"; }

  // The demo's, with the marker as one more scorer.
  void write_manifest(double weight) const {
    json config = json::parse(read_file(source_file("configs/manifests/demo.json")));
    config["plugins"].push_back({{"type", "build-marker"}});
    config["schedulingProfiles"][0]["plugins"].push_back({{"pluginRef", "build-marker"}, {"weight", weight}});
    write_file(manifest(), config.dump(2));
  }

  void install(const std::string& build) const {
    const fs::path fresh = library().string() + ".new";
    fs::copy_file(fs::path(EPP_RELOAD_PLUGINS) / ("build-marker-" + build + ".so"), fresh);
    fs::permissions(fresh, fs::perms::owner_all);
    fs::rename(fresh, library());
  }

  // Another build of the plugin each time, another weight every other time.
  void reload(unsigned number) {
    install(number % 2 == 0 ? "two" : "one");
    if (number % 4 == 0) write_manifest(1 + number % 8);
    const auto begun = Clock::now();
    const HttpResponse answer = http_post(epp_->metrics_port(), "/-/reload", "");
    longest_reload_ = std::max(longest_reload_, Clock::now() - begun);
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_EQ(json::parse(answer.body), json({{"generation", number}, {"changed", true}}));
  }

  // Only the newest generation is alive, and one build of the marker is mapped.
  bool settles() {
    return wait_until([&] {
      return epp_->metric("epp_config_generations_alive") == 1 &&
             mapped_files(epp_->process().pid(), "memfd:build-marker.so") == 1;
    });
  }

  TempDir directory_;
  std::vector<std::unique_ptr<ModelSim>> sims_;
  std::unique_ptr<EppServer> epp_;
  std::unique_ptr<EnvoyServer> envoy_;
  Clock::duration longest_reload_{0};
};

double in_ms(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

void print(const char* what, const OpenLoopTally& tally, std::chrono::duration<double> span) {
  std::cout << what << ": " << static_cast<double>(tally.good) / span.count() << " requests/s, " << tally.failed
            << " failed, " << tally.skipped << " not sent, p50 " << in_ms(tally.quantile(0.5)) << " ms, p99 "
            << in_ms(tally.quantile(0.99)) << " ms, p99.9 " << in_ms(tally.quantile(0.999)) << " ms\n";
}

std::string examples(const OpenLoopTally& tally) {
  std::string text;
  for (const std::string& failure : tally.failures)
    text += failure + "\n";
  return text;
}

TEST_F(ReloadUnderLoad, NoRequestFails) {
  const unsigned reloads = long_tests() ? 200 : 14;
  const milliseconds pause(300);
  const milliseconds span = pause * reloads;
  const pid_t pid = epp_->process().pid();

  OpenLoop load(envoy_->port(), wanted_rate());
  load.over(std::chrono::seconds(2));  // connections, caches, allocators
  const OpenLoopTally calm = load.over(span / 2);
  print("without reloads", calm, std::chrono::duration<double>(span / 2));

  // The first few make what is kept for all later ones.
  unsigned generation = 1;
  for (; generation <= 4; ++generation)
    reload(generation + 1);
  load.over(std::chrono::milliseconds(500));
  EXPECT_TRUE(settles());
  const double libraries = epp_->metric("epp_plugin_libraries_loaded");
  const std::uint64_t resident = resident_bytes(pid);
  const std::size_t descriptors = open_descriptors(pid);

  OpenLoopTally busy;
  std::thread operator_thread([&] {
    auto next = Clock::now();
    for (unsigned i = 0; i < reloads && !HasFatalFailure(); ++i) {
      reload(++generation);
      next += pause;
      std::this_thread::sleep_until(next);
    }
  });
  busy = load.over(span);
  operator_thread.join();
  print("with reloads", busy, std::chrono::duration<double>(span));
  const OpenLoopTally rest = load.stop();
  std::cout << "longest reload " << std::chrono::duration<double, std::milli>(longest_reload_).count() << " ms\n";

  EXPECT_EQ(calm.failed, 0U) << examples(calm);
  EXPECT_EQ(busy.failed, 0U) << examples(busy);
  EXPECT_EQ(rest.failed, 0U) << examples(rest);
  EXPECT_GT(busy.good, 0U);
  // Loosely: clients and model servers share the machine, which may not be able to send all (then it says so above).
  if (long_tests()) {
    EXPECT_LT(in_ms(busy.quantile(0.99)), 2 * in_ms(calm.quantile(0.99)) + 10);
  }

  // What was replaced is gone.
  EXPECT_TRUE(settles());
  EXPECT_EQ(epp_->metric("epp_config_generation"), generation);
  EXPECT_EQ(epp_->metric("epp_plugin_libraries_loaded"), libraries);
  EXPECT_EQ(epp_->metric("epp_plugin_libraries_stayed_mapped_total"), 0);
  EXPECT_LE(open_descriptors(pid), descriptors + 10);
  const auto grown = static_cast<double>(resident_bytes(pid)) - static_cast<double>(resident);
  std::cout << "memory: " << static_cast<double>(resident) / 1e6 << " MB, grown by " << grown / 1e6 << " MB\n";
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed
  EXPECT_LT(grown, 16e6);
#endif
}

}  // namespace
}  // namespace epp::testing
