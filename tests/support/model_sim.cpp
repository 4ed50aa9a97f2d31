#include "support/model_sim.h"

#include "support/http_client.h"
#include "support/places.h"

#include <stdexcept>

#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

std::vector<std::string> arguments_of(const ModelSimOptions& options) {
  std::vector<std::string> arguments{"--model", options.model, "--port", std::to_string(options.port)};
  if (!options.name.empty()) arguments.insert(arguments.end(), {"--name", options.name});
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  return arguments;
}

std::uint16_t announced_port(Process& process) {
  const std::string line = process.wait_for_line("listening on ");
  return static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
}

}  // namespace

ModelSim::ModelSim(const ModelSimOptions& options)
    : process_(built_program("model-sim"), arguments_of(options)), port_(announced_port(process_)) {}

void ModelSim::control(const std::string& json) const {
  const HttpResponse response = http_post(port_, "/sim/control", json);
  if (response.status != 200) throw std::runtime_error("model-sim refused " + json + ": " + response.body);
}

nlohmann::json ModelSim::stats() const {
  return nlohmann::json::parse(http_get(port_, "/sim/stats").body);
}

std::uint64_t ModelSim::requests() const {
  std::uint64_t requests = 0;
  const nlohmann::json by_path = stats()["by_path"];
  for (const auto& [path, count] : by_path.items())
    requests += count.get<std::uint64_t>();
  return requests;
}

}  // namespace epp::testing
