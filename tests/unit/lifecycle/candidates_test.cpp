#include "lifecycle/candidates.h"

#include "unit/lifecycle/hints.h"

#include <gtest/gtest.h>

namespace epp::lifecycle {
namespace {

using testing::hint_metadata;
using testing::hint_of;

TEST(SubsetHint, WithoutOneEverythingIsAllowed) {
  SubsetHint hint;
  hint.read(MetadataValue{});
  hint.read(hint_metadata(MetadataValue::of(7.0)));
  EXPECT_FALSE(hint.restricts());
  EXPECT_TRUE(hint.allows("10.0.0.1", "80", true));
}

TEST(SubsetHint, AnEmptyListAllowsNothing) {
  const SubsetHint hint = hint_of({});
  EXPECT_TRUE(hint.restricts());
  EXPECT_FALSE(hint.allows("10.0.0.1", "80", false));
}

TEST(SubsetHint, PortsCountOnlyWhenStrict) {
  const SubsetHint hint = hint_of({"10.0.0.1:8080", "10.0.0.2"});
  EXPECT_TRUE(hint.allows("10.0.0.1", "9", false));
  EXPECT_FALSE(hint.allows("10.0.0.1", "9", true));
  EXPECT_TRUE(hint.allows("10.0.0.1", "8080", true));
  EXPECT_TRUE(hint.allows("10.0.0.2", "9", true));
  EXPECT_FALSE(hint.allows("10.0.0.3", "8080", false));
}

TEST(SubsetHint, LaterMessagesWithoutAHintKeepIt) {
  SubsetHint hint = hint_of({"10.0.0.1"});
  hint.read(MetadataValue{});
  EXPECT_TRUE(hint.restricts());
}

TEST(SubsetHint, MalformedEntriesAreHarmless) {
  const SubsetHint hint = hint_of({"", "[", "[]", ":", "[::1", "]:1", "::::"});
  EXPECT_FALSE(hint.allows("10.0.0.1", "1", false));
  EXPECT_TRUE(hint.allows("::1", "1", false));
}

}  // namespace
}  // namespace epp::lifecycle
