#include "discovery/kubernetes/active_ports.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::discovery {
namespace {

const std::vector<std::uint16_t> kPorts = {8000, 8001, 8002, 8003};

std::vector<std::size_t> ranks(const kube::Labels& annotations) {
  std::vector<std::size_t> all;
  const ActivePorts active = active_ports(annotations, kPorts);
  for (std::size_t i = 0; i < active.ranks.size(); ++i) {
    if (active.ranks[i]) all.push_back(i);
  }
  return all;
}

std::vector<std::size_t> ranks(const char* value) {
  return ranks(kube::Labels{{std::string(kActivePorts), value}});
}

using Ranks = std::vector<std::size_t>;

// The table of the reference; the two rows on which we differ are in the weak spot's test.
TEST(ActivePorts, Table) {
  EXPECT_EQ(ranks(kube::Labels{}), (Ranks{0, 1, 2, 3}));
  EXPECT_EQ(ranks("8000,8002"), (Ranks{0, 2}));
  EXPECT_EQ(ranks(""), (Ranks{}));
  EXPECT_EQ(ranks(" 8001 , x, 9999, -3"), (Ranks{1}));
  EXPECT_EQ(ranks("8003,8000,8003,"), (Ranks{0, 3}));
  EXPECT_EQ(ranks(" , ,\t8001\n"), (Ranks{1}));
  EXPECT_EQ(ranks("0"), (Ranks{}));
  EXPECT_EQ(ranks("73536"), (Ranks{})) << "8000 in 16 bits";
  EXPECT_EQ(ranks("08000"), (Ranks{0}));
}

TEST(KubernetesWeakSpot, W14_OnlyDecimalNumbersArePorts) {
  EXPECT_EQ(ranks("8000abc"), (Ranks{})) << "upstream: rank 0";
  EXPECT_EQ(ranks("+8003"), (Ranks{})) << "upstream: rank 3";
  EXPECT_EQ(ranks("8000 8001"), (Ranks{}));
  EXPECT_EQ(ranks("8000.0"), (Ranks{}));

  const auto warning = [](const char* value) {
    return active_ports({{std::string(kActivePorts), value}}, kPorts).warning;
  };
  EXPECT_EQ(warning("8000"), "");
  EXPECT_EQ(warning(""), "");
  EXPECT_EQ(warning("8000,,"), "");
  EXPECT_EQ(warning("8000,8000abc"),
            "annotation llm-d.ai/active-ports: 1 item is no target port of the pool: \"8000abc\"");
  EXPECT_EQ(warning("x,9999,-3"),
            "annotation llm-d.ai/active-ports: 3 items are no target port of the pool: \"x\", ...");
  EXPECT_LT(warning(std::string(100'000, 'x').c_str()).size(), 200U);
}

TEST(KubernetesCheck, C11_TheNewKeyWinsEvenWhenEmpty) {
  EXPECT_EQ(ranks({{"inference.networking.k8s.io/active-ports", "8000"}, {"llm-d.ai/active-ports", ""}}), (Ranks{}));
  EXPECT_EQ(ranks({{"inference.networking.k8s.io/active-ports", "8001"}}), (Ranks{1}));
}

TEST(ActivePorts, NeverMoreThanAPoolMayHave) {
  const std::vector<std::uint16_t> many(20, 1);
  EXPECT_EQ(active_ports({}, many).ranks.count(), kMaxTargetPorts);
  EXPECT_TRUE(active_ports({}, {}).ranks.none());
}

}  // namespace
}  // namespace epp::discovery
