// A running EPP takes a new configuration and new builds of its plugins without losing a request.
#include "conformance/engine.h"
#include "conformance/pending.h"
#include "conformance/queue_lab.h"
#include "conformance/reload_lab.h"
#include "support/wait.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::conformance {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using testing::wait_until;

const std::string kMarker = "- type: build-marker\n";
const std::string kMarkerForTwo = "- type: build-marker\n  parameters: {prefer: two}\n";

json state_of(const ReloadLab& lab) {
  return json::parse(testing::http_get(lab.epp().metrics_port(), "/debug/plugins/state").body);
}

// ---- what asks for it ----

TEST(Reload, AnOperatorAsks) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  EXPECT_EQ(lab.destination(), "e1");
  lab.write(lab.config(kMarkerForTwo));
  const testing::HttpResponse answer = lab.post_reload();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body), json({{"generation", 2}, {"changed", true}}));
  EXPECT_EQ(lab.destination(), "e2");
  EXPECT_EQ(state_of(lab).at("generation").at("number"), 2);
  EXPECT_EQ(lab.epp().metric("epp_config_generation"), 2);
  EXPECT_EQ(lab.epp().metric("epp_config_reloads_total{result=\"applied\"}"), 1);
}

TEST(Reload, NothingChangedBuildsNothing) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  EXPECT_EQ(json::parse(lab.post_reload().body), json({{"generation", 1}, {"changed", false}}));
  fs::last_write_time(lab.manifest(), fs::file_time_type::clock::now());
  lab.install("one");  // another file, the same bytes
  EXPECT_EQ(json::parse(lab.post_reload().body), json({{"generation", 1}, {"changed", false}}));
  EXPECT_EQ(lab.epp().metric("epp_config_reloads_total{result=\"unchanged\"}"), 2);
  EXPECT_EQ(lab.mapped_markers(), 1U);
}

TEST(Reload, TheFileIsFollowed) {
  const ReloadLab lab;
  EXPECT_EQ(lab.destination(), "e1");
  lab.write(lab.config(kMarkerForTwo));
  EXPECT_TRUE(lab.reaches(2));
  EXPECT_EQ(lab.destination(), "e2");
  std::ofstream(lab.manifest()) << lab.config(kMarker);  // in place
  EXPECT_TRUE(lab.reaches(3));
  EXPECT_EQ(lab.destination(), "e1");
}

// As the kubelet updates a mounted ConfigMap: file -> ..data/file, and ..data is swapped.
TEST(Reload, AConfigMapSwapIsFollowed) {
  const testing::TempDir mount;
  const auto publish = [&](const std::string& version, const std::string& text) {
    fs::create_directory(mount.path() / version);
    testing::write_file(mount.path() / version / "config.yaml", text);
    fs::create_directory_symlink(version, mount.path() / "..data_tmp");
    fs::rename(mount.path() / "..data_tmp", mount.path() / "..data");
  };
  publish("..1", "plugins:\n" + kMarker);
  fs::create_symlink("..data/config.yaml", mount.path() / "config.yaml");
  const ReloadLab lab(kMarker, {"--config-file=" + (mount.path() / "config.yaml").string()});
  for (const auto& [number, plugins] : {std::pair{2, kMarkerForTwo}, {3, kMarker}}) {
    publish(".." + std::to_string(number), "plugins:\n" + plugins);
    fs::remove_all(mount.path() / (".." + std::to_string(number - 1)));
    EXPECT_TRUE(lab.reaches(static_cast<std::uint64_t>(number)));
  }
}

TEST(Reload, TheSignalAsks) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  lab.write(lab.config(kMarkerForTwo));
  // Nobody looks by himself: longer than a watch would take.
  EXPECT_FALSE(wait_until([&] { return lab.generation() != 1; }, std::chrono::milliseconds(700)));
  lab.epp().process().signal(SIGHUP);
  EXPECT_TRUE(lab.reaches(2));
  EXPECT_EQ(lab.destination(), "e2");
}

TEST(Reload, ATextConfigurationHasNoFileButLibraries) {
  const testing::TempDir plugins;
  const auto install = [&](const std::string& build) {
    fs::copy_file(build_of_marker(build), plugins.path() / "new");
    fs::rename(plugins.path() / "new", plugins.path() / "build-marker.so");
  };
  install("one");
  const EppServer epp(
      {.arguments = with("plugins:\n" + kMarker, {"--plugin-dir=" + plugins.path().string(),
                                                  silent_endpoint(1, "build=one"), silent_endpoint(2, "build=two")})});
  const Client client(epp.grpc_port());
  EXPECT_EQ(client.ask().destination, silent_address(1));
  install("two");
  EXPECT_TRUE(becomes(epp, "epp_config_generation", 2)) << epp.metrics();
  EXPECT_EQ(client.ask().destination, silent_address(2));
}

// ---- what becomes of plugins and requests ----

TEST(Reload, UnchangedInstancesKeepWhatTheyLearned) {
  const std::string prefix = "- type: prefix-cache-scorer\n";
  const ReloadLab lab(prefix + kMarker, {"--watch-config-file=false"});
  const Request request{.body = R"({"model":"m","prompt":")" + std::string(520, 'a') + "\"}"};
  const auto prefix_score_of_home = [&] { return lab.client().ask(request).scores.at(silent_address(1)); };
  EXPECT_EQ(prefix_score_of_home(), 1) << "the marker alone";
  EXPECT_EQ(prefix_score_of_home(), 2) << "and the prefix";
  lab.write(lab.config(prefix + kMarkerForTwo));
  EXPECT_EQ(lab.reload(), 2U);
  EXPECT_EQ(prefix_score_of_home(), 1) << "the prefix alone";
}

TEST(Reload, ANewBuildOfALibraryTakesOver) {
  const ReloadLab lab;
  EXPECT_EQ(lab.destination(), "e1");
  const double libraries = lab.epp().metric("epp_plugin_libraries_loaded");
  lab.install("two");
  EXPECT_TRUE(lab.reaches(2));
  EXPECT_EQ(lab.destination(), "e2");
  EXPECT_TRUE(lab.settles()) << lab.epp().metrics();
  lab.install("one");
  EXPECT_TRUE(lab.reaches(3));
  EXPECT_EQ(lab.destination(), "e1");
  EXPECT_TRUE(lab.settles());
  EXPECT_EQ(lab.epp().metric("epp_plugin_libraries_loaded"), libraries);
  EXPECT_EQ(lab.epp().metric("epp_plugin_libraries_stayed_mapped_total"), 0);
}

TEST(Reload, ALibraryThatIsBeingWrittenIsNotLoadedHalf) {
  const ReloadLab lab;
  const std::string bytes = testing::read_file(build_of_marker("two"));
  {
    std::ofstream slow(lab.library(), std::ios::binary | std::ios::trunc);
    slow << bytes.substr(0, bytes.size() / 2) << std::flush;
    // Longer than it takes until a quiet directory is looked at.
    EXPECT_FALSE(wait_until([&] { return lab.epp().metric("epp_config_reloads_total{result=\"refused\"}") != 0; },
                            std::chrono::milliseconds(1000)));
    slow << bytes.substr(bytes.size() / 2);
  }
  EXPECT_TRUE(lab.reaches(2));
  EXPECT_EQ(lab.destination(), "e2");
  EXPECT_EQ(lab.epp().metric("epp_config_reloads_total{result=\"refused\"}"), 0);
}

TEST(Reload, ARequestEndsOnTheGenerationThatItBeganWith) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  Exchange old = lab.client().open();
  EXPECT_EQ(old.decision().destination, silent_address(1));
  lab.install("two");
  EXPECT_EQ(lab.reload(), 2U);
  EXPECT_EQ(lab.epp().metric("epp_config_generations_alive"), 2);
  EXPECT_EQ(lab.mapped_markers(), 2U);

  Exchange young = lab.client().open();
  EXPECT_EQ(young.decision().destination, silent_address(2));
  const Headers ok{{":status", "200"}, {"content-type", "application/json"}};
  EXPECT_EQ(value_of(old.response_headers(ok), "x-build"), "one");
  EXPECT_EQ(value_of(young.response_headers(ok), "x-build"), "two");
  old.finish_response("{}");
  young.finish_response("{}");
  old.finish();
  young.finish();
  EXPECT_TRUE(becomes(lab.epp(), "epp_test_completions_total{build=\"one\"}", 1));
  EXPECT_TRUE(becomes(lab.epp(), "epp_test_completions_total{build=\"two\"}", 1));
  EXPECT_TRUE(lab.settles()) << lab.epp().metrics();
}

// ---- what is refused ----

TEST(Reload, ABadManifestIsRefusedWhole) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  lab.write(lab.config(kMarkerForTwo + "- type: no-such-plugin\n"));
  const testing::HttpResponse answer = lab.post_reload();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("no-such-plugin"));
  EXPECT_EQ(lab.destination(), "e1") << "not even the good half";
  EXPECT_EQ(lab.generation(), 1);
  EXPECT_EQ(lab.epp().metric("epp_config_reloads_total{result=\"refused\"}"), 1);
  EXPECT_EQ(lab.epp().metric("epp_config_last_reload_successful"), 0);
  EXPECT_THAT(state_of(lab).at("lastReloadError").at("errors").dump(), HasSubstr("no-such-plugin"));
  EXPECT_THAT(lab.epp().process().wait_for_line("Configuration not reloaded"), HasSubstr("no-such-plugin"));

  lab.write(lab.config(kMarkerForTwo));
  EXPECT_EQ(lab.reload(), 2U);
  EXPECT_EQ(lab.destination(), "e2");
  EXPECT_EQ(lab.epp().metric("epp_config_last_reload_successful"), 1);
  EXPECT_EQ(state_of(lab).at("lastReloadError"), nullptr);
}

TEST(Reload, ABadParameterIsToldByFileAndPointer) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  lab.write(lab.config("- type: build-marker\n  parameters: {prefer: 7}\n"));
  const testing::HttpResponse answer = lab.post_reload();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("manifest.yaml"));
  EXPECT_THAT(answer.body, HasSubstr("/plugins/0/parameters/prefer"));
}

TEST(Reload, WhereEndpointsComeFromStays) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  lab.write(lab.config(kMarkerForTwo + "- type: file-discovery\n  parameters: {path: /nowhere}\n",
                       "dataLayer:\n  discovery: {pluginRef: file-discovery}\n"));
  const testing::HttpResponse answer = lab.post_reload();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("dataLayer.discovery cannot be changed by a reload"));
  EXPECT_EQ(lab.destination(), "e1");
}

TEST(Reload, ALibraryThatOthersMayWriteIsRefused) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  fs::permissions(lab.library(), fs::perms::group_write, fs::perm_options::add);
  const testing::HttpResponse answer = lab.post_reload();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("writable by group or others"));
  EXPECT_EQ(lab.destination(), "e1");
  fs::permissions(lab.library(), fs::perms::group_write, fs::perm_options::remove);
  EXPECT_EQ(lab.reload(), 1U);
}

TEST(Reload, AVanishedOrBrokenLibraryIsRefused) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  testing::write_file(lab.library(), "not a library");
  EXPECT_EQ(lab.post_reload().status, 400);
  fs::remove(lab.library());
  const testing::HttpResponse answer = lab.post_reload();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("build-marker"));
  EXPECT_EQ(lab.destination(), "e1");
  lab.install("two");
  EXPECT_EQ(lab.reload(), 2U);
  EXPECT_EQ(lab.destination(), "e2");
}

// ---- the queue and the data layer ----

std::string queue_manifest(const std::string& prefer, int max_requests) {
  return queue_config({.max_concurrency = 1,
                       .plugins = "- type: build-marker\n  parameters: {prefer: " + prefer + "}\n",
                       .settings = "  maxRequests: " + std::to_string(max_requests) + "\n"});
}

TEST(Reload, RequestsThatWaitAreServed) {
  for (const bool queue_changes : {false, true}) {
    SCOPED_TRACE(queue_changes);
    const ReloadLab lab(kMarker, {"--watch-config-file=false"});
    lab.write(queue_manifest("one", 100));
    EXPECT_EQ(lab.reload(), 2U);
    // Both endpoints are taken.
    Pending first(lab.client(), {});
    Pending second(lab.client(), {});
    first.decision();
    second.decision();
    Pending waits(lab.client(), {});
    ASSERT_TRUE(wait_until([&] {
      return testing::sample_sum(lab.epp().metrics(), "llm_d_epp_flow_control_queue_size").value_or(0) == 1;
    }));

    lab.write(queue_manifest("two", queue_changes ? 50 : 100));
    EXPECT_EQ(lab.reload(), 3U);
    Pending newcomer(lab.client(), {});
    ASSERT_TRUE(wait_until([&] {
      return testing::sample_sum(lab.epp().metrics(), "llm_d_epp_flow_control_queue_size").value_or(0) == 2;
    }));
    EXPECT_FALSE(waits.decided_within(std::chrono::milliseconds(0)));
    // What becomes free goes to the one that came first, whatever queue it is in.
    first.finish();
    ASSERT_TRUE(waits.decided_within(testing::kPatience))
        << testing::http_get(lab.epp().metrics_port(), "/debug/flowcontrol").body;
    EXPECT_EQ(waits.decision().status, 200);
    EXPECT_FALSE(newcomer.decided_within(std::chrono::milliseconds(50)));
    waits.finish();
    ASSERT_TRUE(newcomer.decided_within(testing::kPatience))
        << testing::http_get(lab.epp().metrics_port(), "/debug/flowcontrol").body;
    EXPECT_EQ(newcomer.decision().status, 200);
    newcomer.finish();
    second.finish();
    EXPECT_TRUE(becomes(lab.epp(), "epp_config_generations_alive", 1));
    EXPECT_EQ(testing::sample_sum(lab.epp().metrics(), "llm_d_epp_flow_control_queue_size").value_or(0), 0);
  }
}

TEST(Reload, TheQueueCanBeSwitchedOnAndOff) {
  const ReloadLab lab(kMarker, {"--watch-config-file=false"});
  const auto gate = [&] {
    return json::parse(testing::http_get(lab.epp().metrics_port(), "/debug/flowcontrol").body)
        .at("enabled")
        .get<bool>();
  };
  EXPECT_FALSE(gate());
  lab.write(queue_manifest("one", 100));
  EXPECT_EQ(lab.reload(), 2U);
  EXPECT_TRUE(gate());
  EXPECT_FALSE(lab.destination().empty());
  lab.write(lab.config(kMarker));
  EXPECT_EQ(lab.reload(), 3U);
  EXPECT_FALSE(gate());
  EXPECT_EQ(lab.destination(), "e1");
}

TEST(Reload, ScrapingFollowsTheConfiguration) {
  const Engine before(vllm_page(3));
  const Engine after(vllm_page(5));
  const auto scraping = [](const Engine& engine) {
    return "- type: metrics-data-source\n  parameters: {port: " + std::to_string(engine.port()) + "}\n" +
           "- type: core-metrics-extractor\n";
  };
  const std::string bound =
      "dataLayer:\n  sources:\n  - pluginRef: metrics-data-source\n    extractors:\n    - pluginRef: "
      "core-metrics-extractor\n";
  const ReloadLab lab(kMarker, {"--watch-config-file=false", "--endpoint=s=127.0.0.1:1"});
  lab.write(lab.config(kMarker + scraping(before), bound));
  EXPECT_EQ(lab.reload(), 2U);
  EXPECT_TRUE(has_queues(lab.epp(), {{"s", 3}}));
  lab.write(lab.config(kMarker + scraping(after), bound));
  EXPECT_EQ(lab.reload(), 3U);
  EXPECT_TRUE(has_queues(lab.epp(), {{"s", 5}}));
  const std::size_t scrapes = before.scrapes();
  EXPECT_TRUE(wait_until([&, seen = after.scrapes()] { return after.scrapes() > seen + 3; }));
  EXPECT_EQ(before.scrapes(), scrapes) << "nobody asks it any more";
}

// ---- who may ask ----

TEST(Admin, ReloadIsAskedForByPost) {
  const ReloadLab lab;
  const testing::HttpResponse got = testing::http_get(lab.epp().metrics_port(), "/-/reload");
  EXPECT_EQ(got.status, 405);
  EXPECT_EQ(got.header("allow"), "POST");
}

TEST(Admin, WebPagesMayNotLookInside) {
  const ReloadLab lab;
  for (const testing::HttpHeaders& headers : {testing::HttpHeaders{{"origin", "http://localhost:3000"}},
                                              testing::HttpHeaders{{"host", "rebound.example:9090"}}}) {
    for (const char* path : {"/debug/plugins/state", "/debug/endpoints", "/debug/decisions", "/debug/flowcontrol"}) {
      const testing::HttpResponse answer = testing::http(lab.epp().metrics_port(), {.path = path, .headers = headers});
      EXPECT_EQ(answer.status, 403) << path;
      EXPECT_FALSE(answer.body.empty());
    }
    EXPECT_EQ(
        testing::http(lab.epp().metrics_port(), {.method = "POST", .path = "/-/reload", .headers = headers}).status,
        403);
    EXPECT_EQ(testing::http(lab.epp().metrics_port(), {.path = "/metrics", .headers = headers}).status, 200);
  }
}

}  // namespace
}  // namespace epp::conformance
