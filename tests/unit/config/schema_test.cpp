// The published schema and the sample manifests: current, and in agreement with the decoder.
#include "config/schema.h"

#include "config/document.h"
#include "config/json_schema.h"
#include "unit/config/fake_catalogue.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::config::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::ordered_json;

std::string read_source(const std::string& path) {
  std::ifstream stream(EPP_SOURCE_DIR "/" + path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

Json tree_of(const std::string& text) {
  Json tree;
  SourceMap source;
  Diagnostics diagnostics;
  EXPECT_TRUE(parse_document(text, "", tree, source, diagnostics)) << text;
  return tree;
}

std::vector<std::string> violations(const Json& schema, const Json& document) {
  std::vector<std::string> texts;
  for (const auto& violation : validate_schema(document, schema))
    texts.push_back(violation.pointer + ": " + violation.text);
  return texts;
}

TEST(DocumentSchema, ThePublishedCopyIsCurrent) {
  EXPECT_EQ(read_source("configs/schema/endpoint-picker-config.schema.json"), document_schema());
}

TEST(DocumentSchema, AgreesWithTheDecoder) {
  const Json schema = Json::parse(document_schema());
  const char* documents[] = {
      "{}",
      "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig",
      "plugins: [{type: a, name: b, parameters: {x: [1]}, onFault: reject, callBudget: 1m0.5s, library: l.so}]",
      "schedulingProfiles: [{name: p, plugins: [{pluginRef: a, weight: -0.5}]}]",
      "featureGates: [flowControl, haPopulateNonLeaderDatastore=false]",
      "dataLayer: {injectDefaults: false, sources: [{pluginRef: a, extractors: [{pluginRef: b}]}], "
      "crossReplicaSyncInterval: 1m30s}",
      "flowControl: {maxBytes: 1Gi, maxRequests: 7, defaultRequestTTL: 0s, priorityBands: [{priority: -1, maxBytes: "
      "1e3}]}",
      "requestHandler: {parsers: [{pluginRef: a}]}\nsaturationDetector: {pluginRef: d}\nparser: {pluginRef: p}",
      "pluginz: []",
      "plugins: {type: a}",
      "plugins: [{type: a, weight: 1}]",
      "plugins: [{type: a, library: a.so, sha256: x}]",
      "plugins: [{type: a, sha256: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03}]",
      "schedulingProfiles: [{name: 5}]",
      "schedulingProfiles: [{name: p, plugins: [{pluginRef: a, weight: '2'}]}]",
      "featureGates: [FlowControl]",
      "flowControl: {defaultRequestTTL: 60}",
      "flowControl: {defaultRequestTTL: 60x}",
      "flowControl: {maxBytes: lots}",
      "kind: Foo",
      "dataLayer: {sources: [{pluginRef: a, extractors: [b]}]}",
  };
  for (const char* document : documents) {
    const Outcome decoded = decode_only(document);
    const auto refusals = violations(schema, tree_of(document));
    EXPECT_EQ(refusals.empty(), !decoded.diagnostics.has_errors())
        << document << "\n"
        << decoded.rendered() << ::testing::PrintToString(refusals);
  }
}

TEST(AssembledSchema, ChecksParametersByType) {
  FakeCatalogue catalogue;
  catalogue.add("with-definitions", {Role::kScorer}, R"({
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"inner": {"$ref": "#/definitions/inner"}},
    "additionalProperties": false,
    "definitions": {"inner": {"type": "integer"}}
  })");
  const Json schema = Json::parse(assemble_schema(catalogue));
  const auto check = [&schema](const char* plugins) {
    return violations(schema, tree_of(std::string("plugins: ") + plugins));
  };
  EXPECT_THAT(check("[{type: load-aware-scorer, parameters: {threshold: 5}}]"), IsEmpty());
  EXPECT_THAT(check("[{type: load-aware-scorer}, {type: queue-scorer, parameters: {x: 1}}]"), IsEmpty());
  EXPECT_THAT(check("[{type: load-aware-scorer, parameters: {treshold: 5}}]"), Not(IsEmpty()));
  EXPECT_THAT(check("[{type: nope}]"), Not(IsEmpty()));
  EXPECT_THAT(check("[{type: with-definitions, parameters: {inner: 5}}]"), IsEmpty());
  EXPECT_THAT(check("[{type: with-definitions, parameters: {inner: x}}]"), Not(IsEmpty()));
}

TEST(SampleManifests, DefaultIsTheBuiltInOne) {
  EXPECT_EQ(read_source("configs/manifests/default.json"), default_document());
  EXPECT_EQ(tree_of(read_source("configs/manifests/default.yaml")), tree_of(std::string(default_document())));
}

TEST(SampleManifests, AreWithinTheSchema) {
  const Json schema = Json::parse(document_schema());
  for (const char* name : {"default.json", "default.yaml", "recommended.json", "flow-control.json"}) {
    const std::string text = read_source(std::string("configs/manifests/") + name);
    EXPECT_THAT(violations(schema, tree_of(text)), IsEmpty()) << name;
    EXPECT_FALSE(decode_only(text).diagnostics.has_errors()) << name;
  }
}

}  // namespace
}  // namespace epp::config::testing
