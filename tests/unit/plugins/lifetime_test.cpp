// Order of destruction, and descriptors that are refused.
#include "plugins/factory.h"
#include "plugins/graveyard.h"
#include "unit/plugin_harness/scripted.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::plugins {

using epp::testing::PluginHarness;
using epp::testing::script;
using ::testing::ElementsAre;

TEST(Lifetime, DependentsAreDestroyedBeforeWhatTheyReferTo) {
  std::vector<std::string> order;
  PluginHarness host;
  load_scripted(host);
  for (const char* name : {"base", "user"})
    script(name).destroyed = [&order, name] { order.emplace_back(name); };
  auto base = host.create("scripted-hook", "{}", "base");

  std::string error;
  InstanceSpec spec;
  spec.name = "user";
  spec.type = "scripted-hook";
  spec.library = Library::from_entry(epp::testing::scripted_entry(), "again", error);
  spec.descriptor = spec.library->find("scripted-hook");
  spec.references = {base};
  auto user = make_instance(spec, host.environment(), error);
  ASSERT_NE(user, nullptr) << error;

  spec.references.clear();
  base.reset();
  EXPECT_EQ(host.environment().graveyard->waiting(), 0u);
  user.reset();
  EXPECT_EQ(host.environment().graveyard->collect(), 2u);
  EXPECT_THAT(order, ElementsAre("user", "base"));
}

TEST(Lifetime, AThrowingConstructorLeavesNothing) {
  PluginHarness host;
  load_scripted(host);
  script("bad").construct = [](sdk::Context&) { throw sdk::Error("no thanks", EPP_ERR_BAD_REQUEST); };
  EXPECT_THROW(host.create("scripted-hook", "{}", "bad"), std::runtime_error);
  EXPECT_EQ(host.environment().graveyard->waiting(), 0u);
}

struct Flaw {
  const char* name;
  void (*spoil)(epp_type&);
  const char* complaint;
};
class Descriptor : public ::testing::TestWithParam<Flaw> {};

TEST_P(Descriptor, IsRefused) {
  epp_type type{};
  type.size = sizeof type;
  type.name = sdk::to_abi("t");
  type.create = [](const epp_type*, const epp_create_args*, epp_instance**, epp_error*) -> epp_status {
    return EPP_OK;
  };
  EXPECT_EQ(check_type(&type), "");
  GetParam().spoil(type);
  EXPECT_EQ(check_type(&type), GetParam().complaint);
}

INSTANTIATE_TEST_SUITE_P(
    Flaws, Descriptor,
    ::testing::Values(Flaw{"small", [](epp_type& spoiled) { spoiled.size = 16; }, "a type descriptor is too small"},
                      Flaw{"nameless", [](epp_type& spoiled) { spoiled.name = {}; }, "a type has no name"},
                      Flaw{"null_string",
                           [](epp_type& spoiled) {
                             spoiled.vendor = {nullptr, 3};
                           },
                           "a type descriptor has a NULL string with a size"},
                      Flaw{"no_create", [](epp_type& spoiled) { spoiled.create = nullptr; },
                           "type \"t\" has no create function"},
                      Flaw{"list",
                           [](epp_type& spoiled) {
                             spoiled.extensions = {nullptr, 1};
                           },
                           "type \"t\" has a NULL list with a count"},
                      Flaw{"schema", [](epp_type& spoiled) { spoiled.parameters_schema = sdk::to_abi("{"); },
                           "type \"t\" has a parameters_schema that is not a JSON object"}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace epp::plugins
