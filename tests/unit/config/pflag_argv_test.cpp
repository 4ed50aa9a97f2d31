#include "config/pflag_argv.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::config {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

RewrittenArguments rewrite(const std::vector<std::string>& arguments) {
  return rewrite_arguments(arguments, {{"v", 'v', false, false},
                                       {"tracing", 't', true, false},
                                       {"name", 'n', false, false},
                                       {"dir", '\0', false, true}});
}

TEST(PflagArgv, Table) {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> rewritten;
  };
  const Case cases[] = {
      {{"-v=4"}, {"--v", "4"}},
      {{"-v4"}, {"--v", "4"}},
      {{"-v", "4"}, {"--v", "4"}},
      {{"--v=4"}, {"--v", "4"}},
      {{"--v", "4"}, {"--v", "4"}},
      {{"--name="}, {"--name", ""}},
      {{"--name", ""}, {"--name", ""}},
      {{"--name", "-x"}, {"--name", "-x"}},
      {{"--name", "--v=3"}, {"--name", "--v=3"}},
      {{"--name=a=b"}, {"--name", "a=b"}},
      {{"-n="}, {"--name", "="}},
      {{"-n=x"}, {"--name", "x"}},
      {{"--tracing"}, {"--tracing", "true"}},
      {{"--tracing=false"}, {"--tracing", "false"}},
      {{"--tracing="}, {"--tracing", ""}},
      {{"--tracing", "false"}, {"false", "--tracing", "true"}},
      {{"-t"}, {"--tracing", "true"}},
      {{"-tv", "3"}, {"--tracing", "true", "--v", "3"}},
      {{"-tv3"}, {"--tracing", "true", "--v", "3"}},
      {{"-tn=x"}, {"--tracing", "true", "--name", "x"}},
      {{"--v=1", "--name=a", "--v", "2"}, {"--v", "2", "--name", "a"}},
      {{"--dir=a", "--dir", "b"}, {"--dir", "a", "--dir", "b"}},
      {{"word", "--v=1", "other"}, {"word", "other", "--v", "1"}},
      {{"--v=1", "--", "--name=x", "-"}, {"--name=x", "-", "--v", "1"}},
      {{"-"}, {"-"}},
      {{}, {}},
  };
  for (const auto& c : cases) {
    const auto result = rewrite(c.arguments);
    EXPECT_THAT(result.errors, IsEmpty()) << ::testing::PrintToString(c.arguments);
    EXPECT_THAT(result.arguments(), ElementsAreArray(c.rewritten)) << ::testing::PrintToString(c.arguments);
  }
}

TEST(PflagArgv, Refusals) {
  struct Case {
    std::vector<std::string> arguments;
    const char* error;
  };
  const Case cases[] = {{{"--nope"}, "unknown flag: --nope"},
                        {{"--nope=3"}, "unknown flag: --nope"},
                        {{"-x"}, "unknown shorthand flag: 'x' in -x"},
                        {{"-tx"}, "unknown shorthand flag: 'x' in -tx"},
                        {{"--name"}, "flag needs an argument: --name"},
                        {{"-n"}, "flag needs an argument: 'n' in -n"},
                        {{"--=x"}, "bad flag syntax: --=x"},
                        {{"---x"}, "bad flag syntax: ---x"}};
  for (const auto& c : cases) {
    EXPECT_THAT(rewrite(c.arguments).errors, ElementsAre(c.error)) << ::testing::PrintToString(c.arguments);
  }
}

TEST(PflagArgv, Help) {
  EXPECT_TRUE(rewrite({"--help"}).help);
  EXPECT_TRUE(rewrite({"-h"}).help);
  EXPECT_FALSE(rewrite({"--name", "-h"}).help);
}

}  // namespace
}  // namespace epp::config
