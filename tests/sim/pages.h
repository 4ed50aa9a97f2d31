#pragma once

#include "sim/engine.h"
#include "sim/journal.h"
#include "sim/server.h"

#include <cstdint>
#include <string>

namespace epp::sim {

// GET /v1/models. `created` is in seconds since 1970.
std::string models_page(const ServerOptions& options, std::int64_t created);

// GET /sim/stats: {"name", "by_path", "by_model", "finished": {reason: n}, "failed", "aborted", "running", "waiting",
// "kv": {"used_blocks", "blocks"}, "prefix": {"queries", "hits"} in tokens, "seen": [{"path", "headers", "body",
// "body_bytes"}]}, the last requests last.
std::string stats_page(const std::string& name, const Engine& engine, const Journal& journal);

// An error in the words of OpenAI's API, or of Anthropic's for its paths.
std::string error_body(unsigned status, const std::string& message, std::string_view path);

}  // namespace epp::sim
