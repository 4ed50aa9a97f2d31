#include "sim/pages.h"

#include <nlohmann/json.hpp>

namespace epp::sim {

using nlohmann::ordered_json;

std::string models_page(const ServerOptions& options, std::int64_t created) {
  ordered_json data = ordered_json::array();
  const auto add = [&](const std::string& id, const ordered_json& parent) {
    data.push_back({{"id", id},
                    {"object", "model"},
                    {"created", created},
                    {"owned_by", "vllm"},
                    {"root", id},
                    {"parent", parent},
                    {"max_model_len", std::uint64_t{options.engine.kv_blocks} * options.engine.block_size}});
  };
  for (const std::string& model : options.models)
    add(model, nullptr);
  for (const std::string& lora : options.loras)
    add(lora, options.models.front());
  return ordered_json({{"object", "list"}, {"data", std::move(data)}}).dump();
}

std::string stats_page(const std::string& name, const Engine& engine, const Journal& journal) {
  ordered_json seen = ordered_json::array();
  for (const SeenRequest& request : journal.seen) {
    seen.push_back({{"path", request.path},
                    {"headers", request.headers},
                    {"body", request.body},
                    {"body_bytes", request.body_bytes}});
  }
  const EngineTotals& totals = engine.totals();
  const ordered_json page = {{"name", name},
                             {"by_path", journal.by_path},
                             {"by_model", journal.by_model},
                             {"finished", journal.finished},
                             {"failed", journal.failed},
                             {"aborted", totals.aborted},
                             {"running", engine.running()},
                             {"waiting", engine.waiting()},
                             {"kv", {{"used_blocks", engine.kv_used_blocks()}, {"blocks", engine.options().kv_blocks}}},
                             {"prefix", {{"queries", totals.prefix_queries}, {"hits", totals.prefix_hits}}},
                             {"seen", std::move(seen)}};
  return page.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string error_body(unsigned status, const std::string& message, std::string_view path) {
  const char* type = status == 404 ? "NotFoundError" : status < 500 ? "BadRequestError" : "InternalServerError";
  if (path.starts_with("/v1/messages")) {
    return ordered_json({{"type", "error"}, {"error", {{"type", type}, {"message", message}}}}).dump();
  }
  return ordered_json({{"error", {{"message", message}, {"type", type}, {"param", nullptr}, {"code", status}}}}).dump();
}

}  // namespace epp::sim
