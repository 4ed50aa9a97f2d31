#include "discovery/file_discovery.h"

#include "discovery/pool_file.h"
#include "net/io_pool.h"
#include "unit/net/events.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <span>
#include <string>

#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

struct Recorder : DiscoveryObserver {
  void on_loaded(std::size_t endpoints, std::size_t) override { loaded.push(endpoints); }
  void on_objectives(std::size_t objectives) override { objectives_changed.push(objectives); }
  void on_bad_entry(std::string_view text) override { bad_entries.push(std::string(text)); }
  void on_reload_failed(std::string_view text) override { failures.push(std::string(text)); }
  testing::Events<std::size_t> loaded;
  testing::Events<std::size_t> objectives_changed;
  testing::Events<std::string> bad_entries;
  testing::Events<std::string> failures;
};

std::string entry(const std::string& name, const std::string& address, const std::string& port = "\"8000\"") {
  return "  - {name: " + name + ", address: " + address + ", port: " + port + "}\n";
}
const std::string kA = entry("a", "10.0.0.1");
const std::string kB = entry("b", "10.0.0.2");

class FileDiscoveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "epp-discovery-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root = pattern;
    parameters.path = (root / "endpoints.yaml").string();
    parameters.watch_file = true;
  }
  void TearDown() override {
    discovery.reset();
    fs::remove_all(root);
  }

  void write(const std::string& endpoints) { std::ofstream(parameters.path) << "endpoints:\n" << endpoints; }
  // As editors and tools do: a new file renamed over the old one.
  void replace(const std::string& text) {
    std::ofstream(root / "new") << text;
    fs::rename(root / "new", parameters.path);
  }
  void start() {
    discovery = std::make_unique<FileDiscovery>(pool, table, parameters, &observer, &objectives);
    discovery->start();
  }
  std::string start_failure() {
    try {
      start();
    } catch (const DiscoveryError& error) {
      return error.what();
    }
    return "started";
  }
  Names names() const {
    Names ids;
    const auto snapshot = table.snapshot();
    for (const auto slot : snapshot->slots())
      ids.insert(snapshot->endpoint(slot)->spec().name);
    return ids;
  }

  net::IoPool pool{2};
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  objectives::ObjectiveTable objectives;
  Recorder observer;
  FileDiscoveryParameters parameters;
  fs::path root;
  std::unique_ptr<FileDiscovery> discovery;
};

class DatalayerCheck : public FileDiscoveryTest {};
class DatalayerWeakSpot : public FileDiscoveryTest {};

TEST_F(FileDiscoveryTest, LoadsAndIsReady) {
  write(kA + kB);
  discovery = std::make_unique<FileDiscovery>(pool, table, parameters, &observer, &objectives);
  EXPECT_FALSE(discovery->ready());
  discovery->start();
  EXPECT_TRUE(discovery->ready());
  EXPECT_EQ(names(), (Names{"a", "b"}));
  EXPECT_EQ(observer.loaded.next(), 2u);
  EXPECT_EQ(
      discovery->state_json(),
      R"({"endpoints":["default/a","default/b"],"maxEndpoints":100,"objectives":[],"totalEndpoints":2,"totalObjectives":0})");
}

TEST_F(FileDiscoveryTest, TheFirstLoadIsAllOrNothing) {
  EXPECT_EQ(start_failure().substr(0, 35), "file-discovery: initial load failed");
  write(kA + entry("b", "not-an-ip"));
  EXPECT_NE(start_failure().find("invalid address \"not-an-ip\""), std::string::npos);
  EXPECT_TRUE(names().empty()) << "nothing of a bad file gets in";
  std::ofstream(parameters.path) << std::string(kMaxFileBytes + 1, '#');
  EXPECT_NE(start_failure().find("larger than 1 MiB"), std::string::npos);
}

TEST_F(FileDiscoveryTest, TheLastOfTwoEqualIdentitiesWins) {
  write(kA + entry("a", "10.0.0.9"));
  start();
  EXPECT_EQ(table.snapshot()->find("default/a")->host_port(), "10.0.0.9:8000");
}

TEST_F(FileDiscoveryTest, ChangesUpdateInPlace) {
  write(kA);
  start();
  const auto uid = table.snapshot()->find("default/a")->uid();
  ASSERT_TRUE(observer.loaded.next());
  write(entry("a", "10.0.0.7"));
  ASSERT_TRUE(testing::eventually([&] { return table.snapshot()->find("default/a")->host_port() == "10.0.0.7:8000"; }));
  EXPECT_EQ(table.snapshot()->find("default/a")->uid(), uid);
}

TEST_F(FileDiscoveryTest, WithoutWatchingNothingChanges) {
  parameters.watch_file = false;
  write(kA);
  start();
  ASSERT_TRUE(observer.loaded.next());
  write(kB);
  EXPECT_FALSE(observer.loaded.next(std::chrono::milliseconds(200)));
  EXPECT_EQ(names(), Names{"a"});
}

TEST_F(FileDiscoveryTest, AnEmptyFileEmptiesThePool) {
  write(kA);
  start();
  ASSERT_TRUE(observer.loaded.next());
  replace("");
  EXPECT_TRUE(testing::eventually([&] { return names().empty(); }));
}

TEST_F(FileDiscoveryTest, ParametersAreStrict) {
  const auto failure = [](std::string_view type, std::string_view json) -> std::string {
    try {
      (void)parse_file_discovery_parameters(type, json);
    } catch (const DiscoveryError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(failure(kFileDiscovery, ""), "'path' parameter is required");
  EXPECT_EQ(failure(kFileDiscovery, R"({"path":""})"), "'path' parameter is required");
  EXPECT_EQ(failure(kFileDiscovery, R"({"path":"x","watch":true})"), "json: unknown field \"watch\"");
  EXPECT_NE(failure(kFileDiscovery, R"({"path":1})"), "accepted");
  EXPECT_NE(failure("other", R"({"path":"x"})"), "accepted");
  const auto parsed = parse_file_discovery_parameters(kMulticlusterFileDiscovery,
                                                      R"({"path":"x","watchFile":true,"refuseEmptyReload":true})");
  EXPECT_TRUE(parsed.watch_file && parsed.refuse_empty_reload);
}

TEST_F(FileDiscoveryTest, DumpsAtMostAHundred) {
  std::string many;
  for (int i = 0; i < 150; ++i)
    many += entry("e" + std::to_string(1000 + i), "10.0.0.1");
  write(many);
  start();
  const std::string dump = discovery->state_json();
  EXPECT_NE(dump.find("\"totalEndpoints\":150"), std::string::npos);
  EXPECT_NE(dump.find("default/e1099"), std::string::npos);
  EXPECT_EQ(dump.find("default/e1100"), std::string::npos);
}

TEST_F(DatalayerCheck, C22_AnUnquotedPortFailsTheStart) {
  write(entry("a", "10.0.0.1", "8000"));
  EXPECT_NE(start_failure().find("file-discovery: initial load failed"), std::string::npos);
  write(entry("a", "10.0.0.1", "\"8000\""));
  EXPECT_EQ(start_failure(), "started");
}

TEST_F(DatalayerCheck, C23_ARenameOverWithOneFewerRemovesItWithinASecond) {
  write(kA + kB);
  start();
  const auto before = std::chrono::steady_clock::now();
  replace("endpoints:\n" + kA);
  EXPECT_TRUE(testing::eventually([&] { return names() == Names{"a"}; }));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
}

TEST_F(DatalayerCheck, C24_AnUnparseableRewriteChangesNothing) {
  write(kA + kB);
  start();
  replace("endpoints: [\n");
  ASSERT_TRUE(observer.failures.next());
  EXPECT_EQ(names(), (Names{"a", "b"}));
  replace("endpoints:\n" + entry("c", "10.0.0.3", "8000"));
  ASSERT_TRUE(observer.failures.next());
  EXPECT_EQ(names(), (Names{"a", "b"}));
}

TEST_F(DatalayerCheck, C25_ABadEntryOfARewriteIsDroppedAlone) {
  write(kA + kB);
  start();
  replace("endpoints:\n" + kA + entry("b", "not-an-ip"));
  EXPECT_TRUE(testing::eventually([&] { return names() == Names{"a"}; }));
  EXPECT_EQ(observer.bad_entries.next(), "endpoint \"default/b\": invalid address \"not-an-ip\"");
}

TEST_F(DatalayerWeakSpot, W14_TheFileIsNeverLost) {
  write(kA);
  start();
  fs::rename(parameters.path, root / "away");
  ASSERT_TRUE(observer.failures.next()) << "missing is told";
  EXPECT_EQ(names(), Names{"a"}) << "and changes nothing";
  write(kA + kB);
  EXPECT_TRUE(testing::eventually([&] { return names() == Names{"a", "b"}; }));
}

TEST_F(DatalayerWeakSpot, W14_AnEmptyReloadCanBeRefused) {
  parameters.refuse_empty_reload = true;
  write(kA);
  start();
  replace("");
  ASSERT_TRUE(observer.failures.next());
  EXPECT_EQ(names(), Names{"a"});
  replace("endpoints:\n" + kB);
  EXPECT_TRUE(testing::eventually([&] { return names() == Names{"b"}; }));
}

// ---- objectives ----

using objectives::Terms;
const std::string kTwo = "objectives:\n- {name: chat, priority: 10, weight: 2}\n- {name: batch, priority: -1}\n";

TEST_F(FileDiscoveryTest, LoadsObjectives) {
  replace(kTwo + "endpoints:\n" + kA);
  start();
  EXPECT_EQ(objectives.find("chat"), (Terms{10, 2}));
  EXPECT_EQ(objectives.find("batch"), (Terms{-1, 1}));
  EXPECT_EQ(names(), Names{"a"});
  EXPECT_EQ(observer.objectives_changed.next(), 2u);
  EXPECT_NE(
      discovery->state_json().find(
          R"("objectives":[{"name":"batch","priority":-1,"weight":1.0},{"name":"chat","priority":10,"weight":2.0}])"),
      std::string::npos)
      << discovery->state_json();
}

TEST_F(FileDiscoveryTest, BadObjectivesFailTheStart) {
  replace("objectives: [{name: chat, priority: high}]\nendpoints:\n" + kA);
  EXPECT_EQ(start_failure(), "file-discovery: initial load failed: " + parameters.path +
                                 ": line 1: field objectives[0].priority: expected an integer from -2147483648 to "
                                 "2147483647, got \"high\"");
  EXPECT_TRUE(names().empty());
  EXPECT_TRUE(objectives.all().empty());
}

TEST_F(FileDiscoveryTest, ABadEndpointAtTheStartKeepsTheObjectivesOut) {
  replace(kTwo + "endpoints:\n" + entry("b", "not-an-ip"));
  EXPECT_NE(start_failure(), "started");
  EXPECT_TRUE(objectives.all().empty());
}

TEST_F(FileDiscoveryTest, ABadReloadKeepsAllObjectives) {
  replace(kTwo + "endpoints:\n" + kA);
  start();
  const auto before = objectives.all();
  replace("objectives: [{name: new}, {name: chat, weight: 0}]\nendpoints:\n" + kB);
  EXPECT_EQ(observer.failures.next(), parameters.path +
                                          ": line 1: field objectives[1].weight: expected a number above 0, got "
                                          "\"0\"; keeping the present objectives");
  EXPECT_TRUE(testing::eventually([&] { return names() == Names{"b"}; })) << "the endpoints follow the file";
  EXPECT_EQ(objectives.all(), before);
  replace("objectives: [\n");
  ASSERT_TRUE(observer.failures.next());
  EXPECT_EQ(objectives.all(), before);
}

TEST_F(FileDiscoveryTest, ObjectivesFollowTheFile) {
  replace(kTwo);
  start();
  EXPECT_EQ(observer.objectives_changed.next(), 2u);
  replace("objectives: [{name: chat, priority: 5}]");
  EXPECT_EQ(observer.objectives_changed.next(), 1u);
  EXPECT_EQ(objectives.find("chat"), (Terms{5, 1}));
  EXPECT_EQ(objectives.find("batch"), std::nullopt);
  replace("endpoints:\n" + kA);
  EXPECT_EQ(observer.objectives_changed.next(), 0u);
  EXPECT_EQ(objectives.find("chat"), std::nullopt);
  EXPECT_TRUE(testing::eventually([&] { return names() == Names{"a"}; }));
  EXPECT_EQ(observer.objectives_changed.size(), 0u) << "told of changes only";
}

// As Kubernetes swaps a mounted ConfigMap: file -> ..data/file, ..data -> a directory, replaced by one rename.
class MountedFile : public FileDiscoveryTest {
 protected:
  void mount(const std::string& text) {
    const fs::path generation = root / ("..generation-" + std::to_string(++generation_));
    fs::create_directory(generation);
    std::ofstream(generation / "endpoints.yaml") << text;
    fs::create_directory_symlink(generation.filename(), root / "..data_tmp");
    fs::rename(root / "..data_tmp", root / "..data");
    if (generation_ == 1) fs::create_symlink("..data/endpoints.yaml", root / "endpoints.yaml");
  }

 private:
  int generation_ = 0;
};

TEST_F(MountedFile, ASymlinkSwapIsEffectiveWithinATenthOfASecond) {
  struct Effective final : objectives::PriorityListener {
    void on_priorities(std::span<const std::int32_t> priorities) override {
      if (priorities.size() == 1) at.push(std::chrono::steady_clock::now());
    }
    testing::Events<std::chrono::steady_clock::time_point> at;
  } effective;
  mount("objectives: [{name: chat, priority: 1}]");
  start();
  objectives.add_listener(&effective);
  ASSERT_TRUE(effective.at.next());
  // The best of some rounds: others may keep the machine busy during one.
  auto best = std::chrono::steady_clock::duration::max();
  for (int priority = 2; priority < 12 && best >= std::chrono::milliseconds(100); ++priority) {
    const auto swapped = std::chrono::steady_clock::now();
    mount("objectives: [{name: chat, priority: " + std::to_string(priority) + "}]");
    const auto at = effective.at.next();
    ASSERT_TRUE(at);
    EXPECT_EQ(objectives.find("chat"), (Terms{priority, 1}));
    best = std::min(best, *at - swapped);
  }
  EXPECT_LT(best, std::chrono::milliseconds(100));
  objectives.remove_listener(&effective);
}

}  // namespace
}  // namespace epp::discovery
