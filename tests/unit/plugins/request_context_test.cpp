#include "plugins/request_context.h"

#include "plugins/graveyard.h"
#include "unit/plugin_harness/scripted.h"

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::plugins {

using epp::testing::PluginHarness;
using epp::testing::script;
using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<HeaderMap::Item> items_of(const HeaderMap& headers) {
  const auto items = headers.items();
  return {items.begin(), items.end()};
}

TEST(HeaderMap, TheLastValueWinsAtTheFirstPlace) {
  HeaderMap headers;
  headers.set("a", "1");
  headers.set("b", "2");
  headers.set("a", "3");
  EXPECT_THAT(items_of(headers), ElementsAre(Pair("a", "3"), Pair("b", "2")));
  EXPECT_TRUE(headers.erase("a"));
  EXPECT_FALSE(headers.erase("a"));
  EXPECT_EQ(headers.find("a"), nullptr);
  EXPECT_THAT(items_of(headers), ElementsAre(Pair("b", "2")));
  headers.clear();
  EXPECT_EQ(headers.find("b"), nullptr);
  headers.set("c", "4");
  EXPECT_THAT(items_of(headers), ElementsAre(Pair("c", "4")));
}

// Short ones live within their string, which therefore must not move.
TEST(HeaderMap, ValuesStayWhereTheyAre) {
  HeaderMap headers;
  headers.set("gone", "0");
  headers.set("short", "1");
  const std::string* const value = headers.find("short");
  for (int i = 0; i < 100; ++i)
    headers.set("other-" + std::to_string(i), "x");
  headers.erase("gone");
  EXPECT_EQ(headers.find("short"), value);
  EXPECT_EQ(*value, "1");
}

class RequestContextTest : public ::testing::Test {
 protected:
  RequestContextTest() {
    load_scripted(host);
    host.endpoint("a");
    host.endpoint("b");
    context.snapshot = host.table().snapshot();
    context.table = &host.table();
  }
  epp_attr intern(std::string_view key, uint32_t type, endpoints::Storage storage) {
    return host.attributes().intern(key, type, storage);
  }
  const double* f64(epp_attr attr) { return static_cast<const double*>(context.read_column(attr, EPP_TYPE_F64)); }

  PluginHarness host;
  RequestContext context;
};

TEST_F(RequestContextTest, IsFoundFromItsAbiFace) {
  EXPECT_EQ(&RequestContext::from(context.abi()), &context);
  context.target_model = "llama";
  context.sync();
  EXPECT_EQ(std::string(context.abi()->target_model.data, context.abi()->target_model.size), "llama");
}

TEST_F(RequestContextTest, ColumnsStartMissingAndAreForgotten) {
  const epp_attr attr = intern("Score/x", EPP_TYPE_F64, endpoints::Storage::kPerRequest);
  EXPECT_TRUE(std::isnan(f64(attr)[0]));
  auto* column = static_cast<double*>(context.write_column(attr, EPP_TYPE_F64));
  EXPECT_TRUE(std::isnan(column[0]));
  column[1] = 0.25;
  EXPECT_EQ(f64(attr)[1], 0.25);
  EXPECT_EQ(context.write_column(attr, EPP_TYPE_I64), nullptr);

  const std::vector<AttributeUse> uses{{attr, "Score/x", EPP_TYPE_F64, EPP_SCOPE_ENDPOINT, EPP_ACCESS_PRODUCE, 0}};
  context.drop_written(uses);
  EXPECT_TRUE(std::isnan(f64(attr)[1]));
}

TEST_F(RequestContextTest, ScrapedValuesShowThroughUntilWritten) {
  host.endpoint("a").set("Depth/x", 3.0);
  host.table().publish();
  context.snapshot = host.table().snapshot();
  const epp_attr attr = host.attributes().find("Depth/x");
  EXPECT_EQ(f64(attr)[context.snapshot->slots()[0]], 3.0);
  EXPECT_TRUE(std::isnan(f64(attr)[context.snapshot->slots()[1]]));
}

TEST_F(RequestContextTest, ElementsAreCopiedWithWhatTheyPointTo) {
  const epp_attr attr = intern("Names/x", EPP_TYPE_STR_LIST, endpoints::Storage::kPerRequest);
  {
    const std::string one = "one, long enough to be on the heap";
    const std::string two = "two";
    const epp_str items[] = {{one.data(), one.size()}, {two.data(), two.size()}};
    epp_value value{};
    value.type = EPP_TYPE_STR_LIST;
    value.u.str_list = {items, 2};
    EXPECT_TRUE(context.write_element(attr, 1, value));
    EXPECT_FALSE(context.write_element(attr, 99, value));
  }
  const auto* column = static_cast<const epp_str_list*>(context.read_column(attr, EPP_TYPE_STR_LIST));
  EXPECT_EQ(column[0].items, nullptr);
  ASSERT_EQ(column[1].count, 2u);
  EXPECT_EQ(std::string(column[1].items[0].data, column[1].items[0].size), "one, long enough to be on the heap");
}

TEST_F(RequestContextTest, TokenIdsAreFilledInPlace) {
  const epp_attr attr = intern("Tokens/x", EPP_TYPE_U32_LIST, endpoints::Storage::kRequest);
  uint32_t* ids = context.set_u32(attr, 3);
  ids[0] = 7, ids[1] = 8, ids[2] = 9;
  const epp_value* value = context.value(attr);
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(value->u.u32_list.count, 3u);
  EXPECT_EQ(value->u.u32_list.items[2], 9u);
  context.reset();
  EXPECT_EQ(context.value(attr), nullptr);
}

TEST_F(RequestContextTest, StateIsDroppedOnceAndPinsItsInstance) {
  static int drops;
  drops = 0;
  bool destroyed = false;
  script("hook").destroyed = [&destroyed] { destroyed = true; };
  auto instance = host.create("scripted-hook", "{}", "hook");
  const uint32_t index = instance->state_index();
  int first = 0;
  int second = 0;
  const auto drop = [](void*) { ++drops; };
  context.set_state(instance, &first, drop);
  EXPECT_EQ(context.state(index), &first);
  context.set_state(instance, &second, drop);
  EXPECT_EQ(drops, 1);

  instance.reset();
  host.environment().graveyard->collect();
  EXPECT_FALSE(destroyed);
  context.reset();
  EXPECT_EQ(drops, 2);
  EXPECT_EQ(context.state(index), nullptr);
  host.environment().graveyard->collect();
  EXPECT_TRUE(destroyed);
}

TEST_F(RequestContextTest, AResetContextIsClean) {
  context.id = "x";
  context.headers.set("a", "1");
  context.destination = "10.0.0.1:1";
  context.sync();
  context.reset();
  EXPECT_TRUE(context.id.empty());
  EXPECT_TRUE(context.headers.items().empty());
  EXPECT_FALSE(context.destination.has_value());
  EXPECT_EQ(context.abi()->id.size, 0u);
  EXPECT_EQ(context.abi()->max_output_tokens, -1);
}

}  // namespace epp::plugins
