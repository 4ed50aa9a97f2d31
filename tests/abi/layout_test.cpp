// No public struct, and no member of one, is missing where the layout is pinned: the assertions themselves are made by
// the compiler, in layout_v1.c and layout_drafts.c.
#include "abi/header_structs.h"

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" int epp_layout_v1(void);
extern "C" int epp_layout_drafts(void);

namespace epp::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::filesystem::path kSource = EPP_SOURCE_DIR;

// Pinned: "epp_request.path" for each AT, "epp_request" for each FROZEN, GROWS, DRAFT or DRAFT_FROZEN.
std::set<std::string> pinned_in(std::string_view source) {
  static const std::regex member(R"(\bAT\((\w+), (\w+), \d+\))");
  static const std::regex whole(R"(\b(?:FROZEN|GROWS|DRAFT|DRAFT_FROZEN)\((\w+)(?:, \d+)?\))");
  const std::string text = without_comments(source);
  std::set<std::string> all;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), member); at != std::sregex_iterator(); ++at)
    all.insert((*at)[1].str() + "." + (*at)[2].str());
  for (auto at = std::sregex_iterator(text.begin(), text.end(), whole); at != std::sregex_iterator(); ++at)
    all.insert((*at)[1].str());
  return all;
}

// What the pins leave open, of final structs and of drafts.
std::vector<std::string> missing(const std::vector<HeaderStruct>& structs, const std::set<std::string>& v1,
                                 const std::set<std::string>& drafts) {
  std::vector<std::string> open;
  for (const HeaderStruct& one : structs) {
    if (v1.contains(one.name) == drafts.contains(one.name)) {
      open.push_back(one.name);
      continue;
    }
    if (drafts.contains(one.name)) continue;
    const bool grows = !one.members.empty() && one.members.front() == "size";  // which GROWS pins
    for (const std::string& member : one.members) {
      if (grows && member == "size") continue;
      if (!v1.contains(one.name + "." + member)) open.push_back(one.name + "." + member);
    }
  }
  return open;
}

std::set<std::string> v1() {
  return pinned_in(read_text(kSource / "tests/abi/layout_v1.c"));
}
std::set<std::string> drafts() {
  return pinned_in(read_text(kSource / "tests/abi/layout_drafts.c"));
}

TEST(AbiLayout, IsThatOfVersionOne) {
  EXPECT_EQ(epp_layout_v1(), 1);
  EXPECT_EQ(epp_layout_drafts(), 1);
}

TEST(AbiLayout, NothingPublicIsLeftUnpinned) {
  const auto structs = structs_below(kSource / "sdk/include/epp");
  EXPECT_GT(structs.size(), 50u);
  EXPECT_THAT(missing(structs, v1(), drafts()), IsEmpty());
}

TEST(AbiLayout, WhatIsPinnedExists) {
  std::set<std::string> known;
  for (const HeaderStruct& one : structs_below(kSource / "sdk/include/epp")) {
    known.insert(one.name);
    for (const std::string& member : one.members)
      known.insert(one.name + "." + member);
  }
  for (const auto& pins : {v1(), drafts()}) {
    for (const std::string& pin : pins)
      EXPECT_THAT(known, Contains(pin));
  }
}

TEST(AbiLayout, AForgottenMemberOrStructIsSeen) {
  const auto structs = structs_in(R"(
    /* typedef struct epp_comment { int no; } epp_comment; */
    typedef struct epp_scorer {
      uint32_t size;
      uint32_t category;
      epp_status (*score)(const epp_instance* instance, void (*callback)(void* context), epp_error* error);
      union {
        double f64;
        epp_str str;
      } appended;
    } epp_scorer;
    typedef struct epp_news {
      epp_str text;
    } epp_news;)");
  EXPECT_THAT(missing(structs, v1(), drafts()), ElementsAre("epp_scorer.appended", "epp_news"));
}

}  // namespace
}  // namespace epp::testing
