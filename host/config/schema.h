// The published JSON Schema (draft-07) of the configuration document, for editors and for `epp schema`.
#pragma once

#include "config/catalogue.h"

#include <string>

namespace epp::config {

// The document alone, plugin parameters unconstrained. Indented, with a final newline.
// A copy is kept at configs/schema/endpoint-picker-config.schema.json.
std::string document_schema();

// The document with, for every type of the catalogue, its parameters (an if/then on `type`).
std::string assemble_schema(const Catalogue& catalogue);

}  // namespace epp::config
