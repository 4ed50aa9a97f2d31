// Subset hints for tests.
#pragma once

#include "lifecycle/candidates.h"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace epp::lifecycle::testing {

inline MetadataValue hint_metadata(MetadataValue hint) {
  MetadataValue metadata;
  metadata.field("envoy.lb.subset_hint").field("x-gateway-destination-endpoint-subset") = std::move(hint);
  return metadata;
}

inline SubsetHint hint_of(std::initializer_list<std::string_view> entries) {
  MetadataValue list;
  list.kind = MetadataValue::Kind::kList;
  for (std::string_view entry : entries)
    list.list.push_back(MetadataValue::of(entry));
  SubsetHint hint;
  hint.read(hint_metadata(std::move(list)));
  return hint;
}

}  // namespace epp::lifecycle::testing
