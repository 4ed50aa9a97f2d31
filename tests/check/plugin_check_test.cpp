// epp-plugin-check as a process: what it says of good and of bad libraries.
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

namespace {

using nlohmann::json;

struct Outcome {
  int status = -1;
  std::string output;
};

Outcome check(const std::string& arguments) {
  const std::string command = EPP_BUILD_DIR "/bin/epp-plugin-check " + arguments + " 2>&1";
  Outcome run;
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return run;
  char buffer[4096];
  for (size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) != 0;)
    run.output.append(buffer, got);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) run.status = WEXITSTATUS(status);
  return run;
}

std::set<std::string> ids(const json& report, const std::string& verdict) {
  std::set<std::string> result;
  for (const json& one : report.at("checks"))
    if (one.at("verdict") == verdict) result.insert(one.at("id").get<std::string>());
  return result;
}

std::string bad(const std::string& type, const std::string& more = "") {
  return EPP_CHECK_LIBRARIES "/bad-plugins.so --quick --json --only create,calls,leaks --type " + type + ' ' + more;
}

using Ids = std::set<std::string>;

class Faulty : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(Faulty, FailsUnderItsCheckAndNoOther) {
  const auto& [type, id] = GetParam();
  const Outcome run = check(bad(type, "--step-seconds 1"));
  EXPECT_EQ(run.status, 1) << run.output;
  EXPECT_EQ(ids(json::parse(run.output), "FAIL"), Ids{id}) << run.output;
}

INSTANTIATE_TEST_SUITE_P(PluginCheck, Faulty,
                         testing::Values(std::pair("nan", "calls.nan"), std::pair("beyond", "calls.bounds"),
                                         std::pair("throwing", "calls.exception"), std::pair("crashing", "run.crash"),
                                         std::pair("leaving", "run.crash"), std::pair("looping", "run.hang"),
                                         std::pair("sleeping", "calls.blocking"),
                                         std::pair("strange-status", "calls.status"),
                                         std::pair("leaking", "leaks.memory"), std::pair("declaring", "calls.contract"),
                                         std::pair("undeclared", "calls.scope"), std::pair("timer", "leaks.timers"),
                                         std::pair("positions", "calls.index"), std::pair("spans", "calls.index"),
                                         std::pair("undecided", "calls.range")),
                         [](const auto& one) {
                           std::string name = one.param.first;
                           std::erase(name, '-');
                           return name;
                         });

TEST(PluginCheck, AGoodTypeBesideBadOnesPasses) {
  const Outcome run = check(bad("good"));
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_EQ(ids(json::parse(run.output), "FAIL"), Ids{});
}

TEST(PluginCheck, AScoreThatTheHostCutsIsAWarning) {
  const Outcome run = check(bad("high"));
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_EQ(ids(json::parse(run.output), "warning"), Ids{"calls.range"}) << run.output;
}

TEST(PluginCheck, WhatIsAllowedIsAWarning) {
  const Outcome run = check(bad("nan", "--allow calls.nan"));
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_TRUE(ids(json::parse(run.output), "warning").contains("calls.nan")) << run.output;
}

TEST(PluginCheck, MoreThanTheEntryIsExported) {
  const Outcome run = check(EPP_CHECK_LIBRARIES "/exports_more.so --json --only elf");
  EXPECT_EQ(run.status, 1) << run.output;
  EXPECT_TRUE(ids(json::parse(run.output), "FAIL").contains("elf.exports")) << run.output;
  EXPECT_NE(run.output.find("helper_of_nobody"), std::string::npos) << run.output;
}

#if defined(__x86_64__)
TEST(PluginCheck, FastMathStartUpCodeIsFound) {
  const Outcome run = check(EPP_CHECK_LIBRARIES "/fast_math.so --json --only elf");
  EXPECT_EQ(run.status, 1) << run.output;
  EXPECT_TRUE(ids(json::parse(run.output), "FAIL").contains("elf.fast-math")) << run.output;
}
#endif

TEST(PluginCheck, TheSameSeedSeesTheSame) {
  const auto findings = [](const std::string& seed) {
    return json::parse(check(bad("positions", "--seed " + seed)).output).at("checks").dump();
  };
  EXPECT_EQ(findings("7"), findings("7"));
}

TEST(PluginCheck, TheExamplesInCAndCppPassAndUnload) {
  for (const std::string type : {"label-preference-scorer", "weighted-label-scorer"}) {
    const Outcome run = check(EPP_EXAMPLE_LIBRARIES "/" + type + ".so --json");
    EXPECT_EQ(run.status, 0) << run.output;
    const json report = json::parse(run.output);
    EXPECT_EQ(report.at("types"), json::array({type}));
    EXPECT_TRUE(ids(report, "ok").contains("unload.unmaps")) << run.output;
  }
}

TEST(PluginCheck, UsersOfDraftsPass) {
  for (const std::string arguments : {"abi-spike_parser.so", "abi-spike_disaggregation.so --type spike-prefix-decider",
                                      "abi-spike_disaggregation.so --type spike-same-node-filter"}) {
    const Outcome run = check(EPP_ABI_LIBRARIES "/" + arguments + " --quick --json");
    EXPECT_EQ(run.status, 0) << run.output;
  }
}

TEST(PluginCheck, BuiltInPluginsPassAndUnload) {
  size_t libraries = 0;
  for (const auto& file : std::filesystem::directory_iterator(EPP_PLUGIN_DIR)) {
    if (file.path().extension() != ".so") continue;
    ++libraries;
    const Outcome run = check(file.path().string() + " --quick --json");
    EXPECT_EQ(run.status, 0) << run.output;
    EXPECT_TRUE(ids(json::parse(run.output), "ok").contains("unload.unmaps")) << run.output;
  }
  EXPECT_GT(libraries, 0u);
}

TEST(PluginCheck, TextSaysPassedOrFailed) {
  EXPECT_NE(check(EPP_EXAMPLE_LIBRARIES "/label-preference-scorer.so --quick --only elf,load").output.find("passed: "),
            std::string::npos);
  EXPECT_NE(check(EPP_CHECK_LIBRARIES "/exports_more.so --only elf").output.find("FAILED: "), std::string::npos);
}

TEST(PluginCheck, WrongUseIsStatusTwo) {
  for (const char* arguments : {"", "/no/such/file.so", "--no-such-option", "--only no-such-check /dev/null",
                                "--sanitize " EPP_CHECK_LIBRARIES "/bad-plugins.so"})
    EXPECT_EQ(check(arguments).status, 2) << arguments;
  EXPECT_EQ(check(bad("no-such-type")).status, 2);
  EXPECT_EQ(check("--list").status, 0);
}

}  // namespace
