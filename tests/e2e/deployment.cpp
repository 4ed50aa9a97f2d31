#include "deployment.h"

#include "sim/answer.h"
#include "sim/api.h"
#include "support/places.h"
#include "support/sse.h"

#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::testing {

using nlohmann::json;

EndpointsFile::EndpointsFile(std::chrono::milliseconds staleness) {
  json config = json::parse(read_file(source_file("configs/manifests/demo.json")));
  for (json& plugin : config["plugins"]) {
    if (plugin["type"] != "utilization-detector") continue;
    plugin["parameters"]["metricsStalenessThreshold"] = std::to_string(staleness.count()) + "ms";
  }
  config["plugins"].push_back(
      {{"type", "file-discovery"}, {"parameters", {{"path", path().string()}, {"watchFile", true}}}});
  config["dataLayer"]["discovery"]["pluginRef"] = "file-discovery";
  write_file(manifest(), config.dump(2));
}

void EndpointsFile::write(const std::map<std::string, std::uint16_t>& endpoints) const {
  json list = json::array();
  for (const auto& [name, port] : endpoints) {
    list.push_back({{"name", name}, {"address", "127.0.0.1"}, {"port", std::to_string(port)}});
  }
  write_file(path(), json({{"endpoints", list}}).dump());
}

std::filesystem::path EndpointsFile::manifest() const {
  return directory_.path() / "manifest.json";
}

ModelSimOptions quick_sim(std::string name) {
  return {.name = std::move(name),
          .arguments = {"--ttft-ms", "2", "--itl-ms", "1", "--prefill-tokens-per-second", "10000000", "--kv-blocks",
                        "50000"}};
}

Deployment::Deployment(const std::vector<std::string>& names, const std::vector<std::string>& epp_arguments) {
  EppOptions options{.arguments = {"--config-file", source_file("configs/manifests/demo.json").string()}};
  for (const std::string& name : names) {
    sims_.push_back(std::make_unique<ModelSim>(quick_sim(name)));
    options.arguments.insert(options.arguments.end(), {"--endpoint", name + "=" + sims_.back()->address()});
  }
  options.arguments.insert(options.arguments.end(), epp_arguments.begin(), epp_arguments.end());
  epp_ = std::make_unique<EppServer>(options);
  envoy_ = std::make_unique<EnvoyServer>(EnvoyOptions{.ext_proc_port = epp_->grpc_port()});
}

std::string chat_body(const std::string& content, bool stream, std::uint32_t max_tokens) {
  return json({{"model", "demo"},
               {"messages", json::array({{{"role", "user"}, {"content", content}}})},
               {"max_tokens", max_tokens},
               {"stream", stream}})
      .dump();
}

std::string chat_answer(const std::string& content, std::uint32_t max_tokens) {
  const sim::ApiRequest request = sim::parse_request(sim::Api::kChat, chat_body(content, false, max_tokens));
  return sim::Answer(request.choices[0].prompt).text(request.choices[0].output_tokens);
}

std::string chat_text(const HttpResponse& response) {
  if (response.status != 200) throw std::runtime_error(std::to_string(response.status) + " " + response.body);
  if (!response.header("content-type").starts_with("text/event-stream")) {
    return json::parse(response.body)["choices"][0]["message"]["content"];
  }
  const std::vector<std::string> events = sse_data(response.body);
  if (events.empty() || events.back() != "[DONE]") throw std::runtime_error("no [DONE] in " + response.body);
  std::string text;
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    text += json::parse(events[i])["choices"][0]["delta"].value("content", "");
  }
  return text;
}

std::string last_lines(const std::string& text, std::size_t count) {
  std::size_t start = text.size();
  while (start > 0 && count-- > 0) {
    const std::size_t before = start >= 2 ? text.rfind('\n', start - 2) : std::string::npos;
    start = before == std::string::npos ? 0 : before + 1;
  }
  return text.substr(start);
}

}  // namespace epp::testing
