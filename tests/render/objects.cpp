#include "render/objects.h"

#include <algorithm>
#include <stdexcept>

#include <yaml-cpp/yaml.h>

namespace epp::testing {
namespace {

std::string api_root(const std::string& api_version) {
  return (api_version.find('/') == std::string::npos ? "/api/" : "/apis/") + api_version;
}

KubeObject read_object(std::string text) {
  const YAML::Node node = YAML::Load(text);
  if (!node.IsMap()) return {};
  const YAML::Node metadata = node["metadata"];
  return {.text = std::move(text),
          .api_version = node["apiVersion"].as<std::string>(""),
          .kind = node["kind"].as<std::string>(""),
          .name = metadata["name"].as<std::string>(""),
          .name_space = metadata["namespace"].as<std::string>("")};
}

}  // namespace

std::vector<KubeObject> read_objects(std::string_view yaml) {
  std::vector<KubeObject> objects;
  std::string document;
  const auto finish = [&] {
    if (KubeObject object = read_object(std::exchange(document, {})); !object.text.empty()) {
      objects.push_back(std::move(object));
    }
  };
  while (!yaml.empty()) {
    const std::size_t end = std::min(yaml.find('\n'), yaml.size() - 1);
    const std::string_view line = yaml.substr(0, end + 1);
    yaml.remove_prefix(line.size());
    if (line.starts_with("---")) {
      finish();
    } else {
      document += line;
    }
  }
  finish();
  return objects;
}

const KubeObject& find_object(const std::vector<KubeObject>& objects, std::string_view title) {
  const auto it = std::ranges::find(objects, title, &KubeObject::title);
  if (it == objects.end()) throw std::runtime_error("there is no " + std::string(title));
  return *it;
}

void KubeObjects::define(const KubeObject& crd) {
  create(crd, {});
  const YAML::Node spec = YAML::Load(crd.text)["spec"];
  const KubeObject instance{
      .text = {},
      .api_version = spec["group"].as<std::string>() + '/' + spec["versions"][0]["name"].as<std::string>(),
      .kind = spec["names"]["kind"].as<std::string>(),
      .name = {},
      .name_space = {}};
  const bool served = wait_until([&] {
    try {
      resource(instance);
      return true;
    } catch (const std::runtime_error&) {
      return false;  // not served yet
    }
  });
  if (!served) throw std::runtime_error(crd.name + " is not served");
}

Json KubeObjects::create(const KubeObject& object, const std::string& name_space) {
  return post(object, name_space, "fieldValidation=Strict");
}

Json KubeObjects::check(const KubeObject& object, const std::string& name_space) {
  return post(object, name_space, "fieldValidation=Strict&dryRun=All");
}

Json KubeObjects::post(const KubeObject& object, const std::string& name_space, const std::string& query) {
  const Resource& at = resource(object);
  std::string path = api_root(object.api_version);
  if (at.namespaced) path += "/namespaces/" + (object.name_space.empty() ? name_space : object.name_space);
  return Json::parse(api_.text("POST", path + '/' + at.plural + '?' + query, object.text, "application/yaml"));
}

const KubeObjects::Resource& KubeObjects::resource(const KubeObject& object) {
  const std::string key = object.api_version + ' ' + object.kind;
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  const Json list = api_.get(api_root(object.api_version));
  for (const Json& entry : list.at("resources")) {
    const std::string plural = entry.at("name");
    if (entry.at("kind") == object.kind && plural.find('/') == std::string::npos) {
      return known_[key] = {.plural = plural, .namespaced = entry.at("namespaced")};
    }
  }
  throw std::runtime_error("the API server does not know " + key);
}

}  // namespace epp::testing
