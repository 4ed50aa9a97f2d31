#include "endpoints/attributes.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::endpoints {
namespace {

TEST(AttributeRegistry, GivesDenseIdsThatStand) {
  AttributeRegistry registry;
  const epp_attr queue = registry.intern("Queue/x", EPP_TYPE_F64, Storage::kSnapshot);
  const epp_attr load = registry.intern("Load/x#tokens", EPP_TYPE_I64, Storage::kLive);
  EXPECT_EQ(queue, 1u);
  EXPECT_EQ(load, 2u);
  EXPECT_EQ(registry.intern("Queue/x", EPP_TYPE_F64, Storage::kSnapshot), queue);
  EXPECT_EQ(registry.find("Load/x#tokens"), load);
  EXPECT_EQ(registry.find("absent"), EPP_ATTR_NONE);
  ASSERT_NE(registry.info(load), nullptr);
  EXPECT_EQ(registry.info(load)->key, "Load/x#tokens");
  EXPECT_EQ(registry.info(EPP_ATTR_NONE), nullptr);
  EXPECT_EQ(registry.info(3), nullptr);
  EXPECT_EQ(registry.info(UINT32_MAX), nullptr);
  EXPECT_EQ(registry.size(), 2u);
}

TEST(AttributeRegistry, RefusesAnotherTypeOrStorage) {
  AttributeRegistry registry;
  ASSERT_NE(registry.intern("k/p", EPP_TYPE_F64, Storage::kSnapshot), EPP_ATTR_NONE);
  EXPECT_EQ(registry.intern("k/p", EPP_TYPE_I64, Storage::kSnapshot), EPP_ATTR_NONE);
  EXPECT_EQ(registry.intern("k/p", EPP_TYPE_F64, Storage::kPerRequest), EPP_ATTR_NONE);
  EXPECT_EQ(registry.intern_consumed("k/p", EPP_TYPE_F64, EPP_SCOPE_REQUEST), EPP_ATTR_NONE);
  EXPECT_EQ(registry.intern_consumed("k/p", EPP_TYPE_STR, EPP_SCOPE_ENDPOINT), EPP_ATTR_NONE);
}

TEST(AttributeRegistry, FirstProducerSettlesWhatAConsumerNamed) {
  AttributeRegistry registry;
  const epp_attr id = registry.intern_consumed("match/p", EPP_TYPE_I64, EPP_SCOPE_ENDPOINT);
  ASSERT_NE(id, EPP_ATTR_NONE);
  EXPECT_EQ(registry.intern_consumed("match/p", EPP_TYPE_I64, EPP_SCOPE_ENDPOINT), id);
  EXPECT_EQ(registry.intern("match/p", EPP_TYPE_I64, Storage::kPerRequest), id);
  EXPECT_EQ(registry.info(id)->storage, Storage::kPerRequest);
  EXPECT_EQ(registry.intern("match/p", EPP_TYPE_I64, Storage::kLive), EPP_ATTR_NONE);
}

TEST(AttributeRegistry, SaysWhenFull) {
  AttributeRegistry registry;
  for (size_t i = 0; i < AttributeRegistry::kMaxAttributes; ++i) {
    ASSERT_NE(registry.intern("k" + std::to_string(i), EPP_TYPE_F64, Storage::kSnapshot), EPP_ATTR_NONE);
  }
  EXPECT_EQ(registry.intern("one more", EPP_TYPE_F64, Storage::kSnapshot), EPP_ATTR_NONE);
  EXPECT_NE(registry.intern("k7", EPP_TYPE_F64, Storage::kSnapshot), EPP_ATTR_NONE);
}

TEST(AttributeRegistry, OneKeyOneIdUnderConcurrency) {
  AttributeRegistry registry;
  std::vector<std::thread> threads;
  std::vector<std::vector<epp_attr>> seen(4);
  for (auto& ids : seen) {
    threads.emplace_back([&registry, &ids] {
      for (int i = 0; i < 200; ++i) {
        ids.push_back(registry.intern("k" + std::to_string(i), EPP_TYPE_F64, Storage::kSnapshot));
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(registry.size(), 200u);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[3]);
}

TEST(DataKeyOf, LeavesTheFieldOut) {
  EXPECT_EQ(data_key_of("Type/producer#field"), "Type/producer");
  EXPECT_EQ(data_key_of("Type/producer"), "Type/producer");
  EXPECT_EQ(data_key_of(""), "");
}

}  // namespace
}  // namespace epp::endpoints
