#include "conformance/reload_lab.h"

#include "support/proc.h"
#include "support/wait.h"

#include <stdexcept>

#include <nlohmann/json.hpp>

namespace epp::conformance {

namespace fs = std::filesystem;

fs::path build_of_marker(const std::string& build) {
  return fs::path(EPP_RELOAD_PLUGINS) / ("build-marker-" + build + ".so");
}

ReloadLab::ReloadLab(const std::string& plugins, const Flags& flags) {
  fs::create_directory(library().parent_path());
  install("one");
  write(config(plugins));
  Flags all{"--config-file=" + manifest().string(), "--plugin-dir=" + library().parent_path().string(),
            silent_endpoint(1, "build=one"), silent_endpoint(2, "build=two"), "--emit-endpoint-scores"};
  all.insert(all.end(), flags.begin(), flags.end());
  epp_ = std::make_unique<EppServer>(testing::EppOptions{.arguments = all});
  client_ = std::make_unique<Client>(epp_->grpc_port());
}

std::string ReloadLab::config(const std::string& plugins, const std::string& more) const {
  return "plugins:\n" + plugins + more;
}

void ReloadLab::install(const std::string& build) const {
  const fs::path fresh = library().string() + ".new";
  fs::copy_file(build_of_marker(build), fresh);
  fs::permissions(fresh, fs::perms::owner_all | fs::perms::group_read | fs::perms::others_read);
  fs::rename(fresh, library());
}

testing::HttpResponse ReloadLab::post_reload() const {
  return testing::http_post(epp_->metrics_port(), "/-/reload", "");
}

std::uint64_t ReloadLab::reload() const {
  const testing::HttpResponse answer = post_reload();
  if (answer.status != 200) throw std::runtime_error(std::to_string(answer.status) + " " + answer.body);
  return nlohmann::json::parse(answer.body).at("generation").get<std::uint64_t>();
}

std::size_t ReloadLab::mapped_markers() const {
  return testing::mapped_files(epp_->process().pid(), "memfd:build-marker.so");
}

bool ReloadLab::settles() const {
  return becomes(*epp_, "epp_config_generations_alive", 1) &&
         testing::wait_until([&] { return mapped_markers() == 1; });
}

std::string ReloadLab::destination(const Request& request) const {
  const std::string address = client_->ask(request).destination;
  return address == silent_address(1) ? "e1" : address == silent_address(2) ? "e2" : address;
}

}  // namespace epp::conformance
