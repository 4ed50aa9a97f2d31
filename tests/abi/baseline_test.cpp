// abidiff compares what plugins see of the headers today with what was recorded when version 1 was finished.
#include "abi/baseline_report.h"
#include "abi/header_structs.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace epp::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const fs::path kSource = EPP_SOURCE_DIR;
const fs::path kHeaders = kSource / "sdk/include";
const fs::path kBaseline = kSource / "tests/abi/baseline/abi_v1.xml";
const fs::path kStub = kSource / "tests/abi/baseline/stub.c";

struct Ran {
  int status = 0;
  std::string output;
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) != 0;)
    ran.output.append(buffer, n);
  ran.status = WEXITSTATUS(::pclose(pipe));
  return ran;
}

// The stub library of some headers. Flags are those of tools/abi/record-baseline, whatever this build's are.
fs::path build_stub(const fs::path& headers, const fs::path& folder) {
  fs::create_directories(folder);
  const fs::path library = folder / "stub.so";
  const Ran ran = run(std::string(EPP_C_COMPILER) + " -std=c11 -g -gdwarf-4 -O0 -fPIC -fvisibility=hidden -shared -I" +
                      headers.string() + " -o " + library.string() + " " + kStub.string());
  if (ran.status != 0) throw std::runtime_error(ran.output);
  return library;
}

std::set<std::string> growing() {
  std::set<std::string> names;
  for (const HeaderStruct& one : structs_below(kHeaders)) {
    if (one.members.front() == "size") names.insert(one.name);
  }
  return names;
}

// What changed since the baseline that may not.
std::vector<std::string> forbidden_in(const fs::path& library) {
  const Ran ran =
      run("abidiff --leaf-changes-only --harmless --no-added-syms " + kBaseline.string() + " " + library.string());
  constexpr int kNoTool = 127;
  constexpr int kToolFailed = 1 | 2;
  if (ran.status == kNoTool) throw std::runtime_error("abidiff is missing: tools/setup installs abigail-tools");
  if ((ran.status & kToolFailed) != 0) throw std::runtime_error("abidiff failed: " + ran.output);
  return forbidden_changes(ran.output, growing());
}

class AbiBaseline : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef __x86_64__
    GTEST_SKIP() << "the baseline was recorded on x86-64";
#endif
  }
};

TEST_F(AbiBaseline, HeadersKeepTheirPromise) {
  EXPECT_THAT(forbidden_in(build_stub(kHeaders, fs::path(EPP_ABI_LIBRARIES) / "baseline")), IsEmpty());
}

TEST_F(AbiBaseline, TheStubShowsEveryStruct) {
  std::set<std::string> shown;
  static const std::regex show(R"(\bSHOW\((\w+)\))");
  const std::string stub = without_comments(read_text(kStub));
  for (auto at = std::sregex_iterator(stub.begin(), stub.end(), show); at != std::sregex_iterator(); ++at)
    shown.insert((*at)[1]);
  const std::string drafts = read_text(kSource / "tests/abi/layout_drafts.c");
  for (const HeaderStruct& one : structs_below(kHeaders)) {
    const bool draft = std::regex_search(drafts, std::regex("\\b(DRAFT|DRAFT_FROZEN)\\(" + one.name + "\\)"));
    EXPECT_NE(shown.contains(one.name), draft) << one.name;
  }
}

// A copy of the headers in which one thing is different.
struct Mutation {
  std::string name;
  std::string file;  // below include/epp
  std::string from;
  std::string to;
  std::string complaint;  // empty: it passes

  friend void PrintTo(const Mutation& mutation, std::ostream* out) { *out << mutation.name; }
};

const std::string kEnd = "  uint64_t annotation_count;\n} epp_endpoint;";
const std::string kScore = "double* scores, epp_error* error);\n} epp_scorer;";

const std::vector<Mutation> kMutations = {
    {"Same", "abi.h", kEnd, kEnd, ""},
    {"MemberAppended", "abi.h", kEnd, "  uint64_t annotation_count;\n  uint64_t zone;\n} epp_endpoint;", ""},
    {"FunctionAppended", "ext/scorer.h", kScore,
     "double* scores, epp_error* error);\n  void (*warm)(const epp_instance* instance);\n} epp_scorer;", ""},
    {"StructAdded", "ext/scorer.h", "typedef struct epp_scorer {",
     "typedef struct epp_more {\n  uint32_t size;\n  uint32_t reserved;\n} epp_more;\n\ntypedef struct epp_scorer {",
     ""},
    {"MemberInserted", "abi.h", kEnd, "  uint64_t zone;\n  uint64_t annotation_count;\n} epp_endpoint;",
     "epp_endpoint:    'uint64_t annotation_count' offset changed"},
    {"MemberRemoved", "abi.h", kEnd, "} epp_endpoint;", "epp_endpoint:  1 data member deletion"},
    {"FunctionRemoved", "host/services.h", "  void (*set)(epp_series* series, double value);", "  ",
     "epp_host_metrics:  1 data member deletion"},
    {"MembersSwapped", "ext/producer.h", "  uint32_t size;\n  uint32_t reserved;",
     "  uint32_t reserved;\n  uint32_t size;", "offset changed"},
    {"MemberRetyped", "abi.h", "  uint64_t uid; ", "  int64_t uid; ", "typedef name changed from uint64_t to int64_t"},
    {"MemberRenamed", "abi.h", kEnd, "  uint64_t annotations_count;\n} epp_endpoint;", "name of 'epp_endpoint::"},
    {"MemberRetypedAndOneAppended", "abi.h", kEnd, "  int64_t annotation_count;\n  uint64_t zone;\n} epp_endpoint;",
     "type 'typedef uint64_t'"},
    {"ParameterAdded", "ext/scorer.h", kScore, "double* scores, epp_error* error, uint32_t more);\n} epp_scorer;",
     "pointer type changed"},
    {"ParameterRetyped", "ext/scorer.h", kScore, "float* scores, epp_error* error);\n} epp_scorer;",
     "pointer type changed"},
    {"ResultRetyped", "ext/scorer.h", "epp_status (*score)", "void (*score)", "pointer type changed"},
    {"FrozenStructAppended", "abi.h", "  epp_str value;\n} epp_label;",
     "  epp_str value;\n  uint64_t hash;\n} epp_label;", "epp_label is frozen"},
    {"FrozenStringAppended", "abi.h", "  uint64_t size;\n} epp_str;", "  uint64_t size;\n  uint64_t hash;\n} epp_str;",
     "epp_str is frozen"},
};

class AbiMutation : public AbiBaseline, public ::testing::WithParamInterface<Mutation> {};

TEST_P(AbiMutation, IsJudged) {
  const Mutation& mutation = GetParam();
  const fs::path folder = fs::path(EPP_ABI_LIBRARIES) / "mutants" / mutation.name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  fs::copy(kHeaders, folder, fs::copy_options::recursive);
  const fs::path file = folder / "epp" / mutation.file;
  std::string text = read_text(file);
  const size_t at = text.find(mutation.from);
  ASSERT_NE(at, std::string::npos) << "the headers no longer have what is to be mutated";
  text.replace(at, mutation.from.size(), mutation.to);
  std::ofstream(file) << text;

  std::string complaints;
  for (const std::string& line : forbidden_in(build_stub(folder, folder)))
    complaints += line + '\n';
  if (mutation.complaint.empty()) {
    EXPECT_THAT(complaints, IsEmpty());
  } else {
    EXPECT_THAT(complaints, HasSubstr(mutation.complaint));
  }
}

INSTANTIATE_TEST_SUITE_P(Headers, AbiMutation, ::testing::ValuesIn(kMutations),
                         [](const auto& mutation) { return mutation.param.name; });

TEST(AbiBaselineReport, AnUnknownLineIsForbidden) {
  EXPECT_THAT(forbidden_changes("Removed/Changed/Added functions summary: 1 Removed, 0 Changed, 0 Added function", {}),
              Not(IsEmpty()));
  EXPECT_THAT(forbidden_changes("something that nobody expected", {}), Not(IsEmpty()));
}

}  // namespace
}  // namespace epp::testing
