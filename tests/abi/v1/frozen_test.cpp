// The headers of version 1 as they were finished: they stay as they are, and every constant of theirs means today what
// it meant then. (What their structs look like is watched by the layout and baseline tests.)
#include "abi/header_structs.h"

#include <cstdio>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace epp::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

const fs::path kSource = EPP_SOURCE_DIR;
const fs::path kFolder = kSource / "tests/abi/v1";

std::vector<fs::path> headers_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".h") files.push_back(entry.path());
  }
  return files;
}

// `#define EPP_NAME value` of a header, without comments.
std::map<std::string, std::string> constants_in(const std::string& header) {
  static const std::regex comment(R"(/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)");
  static const std::regex define(R"(#define (EPP_\w+)[ \t]+(\S[^\n]*))");
  const std::string text = std::regex_replace(header, comment, "");
  std::map<std::string, std::string> constants;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), define); at != std::sregex_iterator(); ++at) {
    std::string value = (*at)[2];
    value.erase(value.find_last_not_of(" \t") + 1);
    constants[(*at)[1]] = value;
  }
  return constants;
}

std::map<std::string, std::string> constants_below(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const fs::path& file : headers_below(folder))
    all.merge(constants_in(read_text(file)));
  return all;
}

// Frozen constants that are gone or have another value, but for drafts and what counts releases.
std::vector<std::string> changed(const std::map<std::string, std::string>& frozen,
                                 const std::map<std::string, std::string>& today) {
  std::vector<std::string> names;
  for (const auto& [name, value] : frozen) {
    const bool draft = value.ends_with("/0\"");
    if (draft || name == "EPP_ABI_MINOR") continue;
    const auto now = today.find(name);
    if (now == today.end() || now->second != value) names.push_back(name);
  }
  return names;
}

TEST(FrozenHeaders, ConstantsMeanWhatTheyMeant) {
  const auto frozen = constants_below(kFolder / "include");
  EXPECT_GT(frozen.size(), 120u);
  EXPECT_THAT(changed(frozen, constants_below(kSource / "sdk/include")), IsEmpty());
}

TEST(FrozenHeaders, AnotherValueIsSeen) {
  const auto frozen =
      constants_in("#define EPP_A 1u /* one */\n#define EPP_B \"epp.b/1\"\n#define EPP_C \"epp.c/0\"\n");
  EXPECT_THAT(changed(frozen, constants_in("#define EPP_A 2u\n#define EPP_C \"epp.c/1\"\n")),
              ElementsAre("EPP_A", "EPP_B"));
}

TEST(FrozenHeaders, StructsBeginAsTheyBegan) {
  std::map<std::string, std::vector<std::string>> today;
  for (HeaderStruct& one : structs_below(kSource / "sdk/include/epp"))
    today[one.name] = one.members;
  const std::string drafts = read_text(kSource / "tests/abi/layout_drafts.c");
  for (const HeaderStruct& one : structs_below(kFolder / "include/epp")) {
    if (std::regex_search(drafts, std::regex("\\b(DRAFT|DRAFT_FROZEN)\\(" + one.name + "\\)"))) continue;
    std::vector<std::string> now = today[one.name];
    ASSERT_GE(now.size(), one.members.size()) << one.name;
    now.resize(one.members.size());
    EXPECT_EQ(now, one.members) << one.name;
  }
}

// SHA256SUMS lists the frozen headers and the stored library, and each is what it was.
TEST(FrozenHeaders, AreAsTheyWere) {
  std::set<std::string> listed;
  static const std::regex line(R"([0-9a-f]{64}  (\S+))");
  const std::string sums = read_text(kFolder / "SHA256SUMS");
  for (auto at = std::sregex_iterator(sums.begin(), sums.end(), line); at != std::sregex_iterator(); ++at)
    listed.insert((*at)[1]);
  std::vector<std::string> wanted = {"stored/v1_plugins.so"};
  for (const fs::path& file : headers_below(kFolder / "include"))
    wanted.push_back(fs::relative(file, kFolder).string());
  EXPECT_THAT(listed, IsSupersetOf(wanted));

  FILE* const check =
      ::popen(("cd " + kFolder.string() + " && sha256sum --quiet --check SHA256SUMS 2>&1").c_str(), "r");
  ASSERT_NE(check, nullptr);
  std::string output;
  char buffer[1024];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, check)) != 0;)
    output.append(buffer, n);
  EXPECT_EQ(WEXITSTATUS(::pclose(check)), 0) << output;
}

}  // namespace
}  // namespace epp::testing
