// `epp plugins new`: what it writes builds, passes the check and fits a configuration; what it refuses.
#include "examples/workshop.h"
#include "support/files.h"
#include "support/places.h"

#include <gmock/gmock.h>

namespace epp::examples {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

Outcome epp_command(const Workshop& workshop, const std::vector<std::string>& arguments) {
  return workshop.run(testing::built_program("epp"), arguments);
}

struct Case {
  const char *language, *kind;
};

class Skeleton : public ::testing::TestWithParam<Case> {};

TEST_P(Skeleton, BuildsPassesTheCheckAndFitsAConfiguration) {
  const Workshop workshop;
  const std::string language = GetParam().language;
  const std::string name = "our-" + std::string(GetParam().kind);
  const fs::path project = workshop.folder() / name;
  const Outcome written = epp_command(
      workshop, {"plugins", "new", name, "--lang", language, "--kind", GetParam().kind, "--output", project.string()});
  ASSERT_EQ(written.status, 0) << written.output;
  const bool rust = language == "rust";
  ASSERT_TRUE(rust ? workshop.build_with_cargo(project) : workshop.build_with_cmake(project));
  const fs::path directory = project / (rust ? "target/release" : "build");
  const fs::path library = directory / (rust ? "libour_" + std::string(GetParam().kind) + ".so" : name + ".so");
  EXPECT_TRUE(workshop.passes_check(library, R"({"busy": 3})"));

  // Its README has the commands that were used here, for this library.
  const std::string readme = testing::read_file(project / "README.md");
  EXPECT_THAT(readme, HasSubstr("\nepp-plugin-check " + fs::relative(library, project).string() + "\n"));
  EXPECT_THAT(readme, HasSubstr(rust ? "\ncargo build --release\n" : "\ncmake -S . -B build"));
  for (const char* leftover : {"my-plugin", "my_plugin", "MyPlugin", "%only", "%all"}) {
    for (const auto& file : fs::recursive_directory_iterator(project)) {
      const std::string relative = fs::relative(file.path(), project).string();
      if (!file.is_regular_file() || relative.starts_with("build") || relative.starts_with("target")) continue;
      EXPECT_EQ(testing::read_file(file.path()).find(leftover), std::string::npos) << relative << ": " << leftover;
    }
  }

  // The manifest is for somebody who stands in the folder.
  const Outcome valid = workshop.run("/bin/sh", {"-c", "cd \"$1\" && \"$2\" validate --config-file manifest.json", "sh",
                                                 project.string(), testing::built_program("epp").string()});
  EXPECT_EQ(valid.status, 0) << valid.output;
  EXPECT_THAT(valid.output, HasSubstr("manifest.json: valid"));
}

INSTANTIATE_TEST_SUITE_P(All, Skeleton,
                         ::testing::Values(Case{"c", "scorer"}, Case{"c", "filter"}, Case{"c", "picker"},
                                           Case{"cpp", "scorer"}, Case{"cpp", "filter"}, Case{"cpp", "picker"},
                                           Case{"rust", "scorer"}, Case{"rust", "filter"}, Case{"rust", "picker"}),
                         [](const auto& one) { return std::string(one.param.language) + "_" + one.param.kind; });

TEST(SkeletonRefusal, NamesThatAreNoTypes) {
  const Workshop workshop;
  for (const std::string name : {"scorer", "My-Scorer", "my_scorer", "my-scorer-", "my--scorer", "7-scorer",
                                 "../my-scorer", "my-scorer/x", ""}) {
    const Outcome refused = epp_command(
        workshop, {"plugins", "new", name, "--lang", "c", "--output", (workshop.folder() / "refused").string()});
    EXPECT_EQ(refused.status, 1) << name;
    EXPECT_THAT(refused.output, HasSubstr("invalid plugin name \"" + name + "\": two or more lower-case words"));
  }
  const std::string long_name = "my-" + std::string(61, 'x');
  EXPECT_THAT(epp_command(workshop, {"plugins", "new", long_name, "--lang", "c"}).output,
              HasSubstr("longer than 63 characters"));
  EXPECT_FALSE(fs::exists(workshop.folder() / "refused"));
}

TEST(SkeletonRefusal, LanguagesAndKindsThatAreNotKnown) {
  const Workshop workshop;
  EXPECT_THAT(epp_command(workshop, {"plugins", "new", "my-scorer", "--lang", "go"}).output,
              HasSubstr("invalid argument \"go\" for \"--lang\" flag: must be one of c, cpp, rust"));
  EXPECT_THAT(epp_command(workshop, {"plugins", "new", "my-scorer", "--lang", "c", "--kind", "parser"}).output,
              HasSubstr("invalid argument \"parser\" for \"--kind\" flag: must be one of scorer, filter, picker"));
  EXPECT_THAT(epp_command(workshop, {"plugins", "new", "my-scorer"}).output,
              HasSubstr("required flag(s) \"lang\" not set"));
}

TEST(SkeletonRefusal, WhatExistsIsLeftAlone) {
  const Workshop workshop;
  const fs::path taken = workshop.folder() / "taken";
  testing::write_file(taken, "mine");
  const auto attempt = [&](const fs::path& output) {
    return epp_command(workshop, {"plugins", "new", "my-scorer", "--lang", "c", "--output", output.string()});
  };
  EXPECT_THAT(attempt(taken).output, HasSubstr("\"" + taken.string() + "\" exists already"));
  EXPECT_EQ(testing::read_file(taken), "mine");
  const Outcome below_a_file = attempt(taken / "below");
  EXPECT_EQ(below_a_file.status, 1);
  EXPECT_THAT(below_a_file.output, HasSubstr("cannot write the skeleton"));
}

}  // namespace
}  // namespace epp::examples
