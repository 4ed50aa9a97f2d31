#include "discovery/static_list.h"

#include <string>

#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

TEST(StaticList, MakesEndpointsInOrder) {
  const auto specs = static_endpoints({{"b", "127.0.0.1", 8001, {{"z", "1"}, {"a", "2"}}}, {"a", "::1", 8000, {}}});
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(specs[0].id(), "default/b");
  EXPECT_EQ(specs[0].port, "8001");
  EXPECT_EQ(specs[0].labels.front().first, "a") << "sorted";
  EXPECT_EQ(specs[1].address, "::1");
}

TEST(StaticList, ResolvesNamesOnce) {
  EXPECT_EQ(static_endpoints({{"a", "localhost", 80, {}}})[0].address, "127.0.0.1");
  EXPECT_THROW((void)static_endpoints({{"a", std::string(70, 'x'), 80, {}}}), UnknownHost);
}

}  // namespace
}  // namespace epp::discovery
