// Metadata in both directions, between the tree of a message and the flat entries that plugins see.
#pragma once

#include "lifecycle/messages.h"
#include "plugins/request_context.h"

#include <span>
#include <vector>

namespace epp::lifecycle {

/// Strings and numbers directly below a namespace, and an entry without key for the namespace itself; anything else has
/// no place in the ABI.
void flatten_metadata(const MetadataValue& metadata, std::vector<plugins::MetadataEntry>& entries);

/// Adds entries to `metadata`; an entry replaces what stands under its namespace and key. Views into `entries`.
void add_metadata(std::span<const plugins::MetadataEntry> entries, MetadataValue& metadata);

}  // namespace epp::lifecycle
