#include "h5dcp/profile.hpp"

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "files/posix_file.hpp"
#include "h5dcp/error.hpp"
#include "storage/hdf5_options.hpp"

namespace h5dcp {
namespace {

using Json = nlohmann::ordered_json;  // hints have an order

struct Key {
  const char* name;
  const char* allowed;
  Json (*get)(const Hdf5Options& options);
  // False for a value that is not allowed. check_writer_options() sees to what is out of range.
  bool (*set)(Hdf5Options& options, const Json& value);
};

template <class Value>
bool take(Value& option, const std::optional<Value>& named) {
  if (named) option = *named;
  return named.has_value();
}

bool take_number(std::uint64_t& option, const Json& value) {
  if (!value.is_number_unsigned()) return false;
  option = value.get<std::uint64_t>();
  return true;
}

bool take_hints(Hints& hints, const Json& value) {
  if (!value.is_object()) return false;
  for (const auto& [name, hint] : value.items()) {
    if (!hint.is_string()) return false;
    hints.emplace_back(name, hint.get<std::string>());
  }
  return true;
}

// A line for each option.
constexpr std::array kKeys{
    Key{"transfer", "direct, collective, aggregated or automatic",
        [](const Hdf5Options& options) { return Json(to_string(options.transfer)); },
        [](Hdf5Options& options, const Json& value) {
          return value.is_string() &&
                 take(options.transfer, transfer_named(value.get<std::string>()));
        }},
    Key{"piece_bytes", "a number between 1 and 1073741824",
        [](const Hdf5Options& options) { return Json(options.piece_bytes); },
        [](Hdf5Options& options, const Json& value) {
          return take_number(options.piece_bytes, value);
        }},
    Key{"files", "one, number N, per node or per N ranks",
        [](const Hdf5Options& options) { return Json(to_string(options.files)); },
        [](Hdf5Options& options, const Json& value) {
          return value.is_string() && take(options.files, files_named(value.get<std::string>()));
        }},
    Key{"hints", "an object in which each name has a text",
        [](const Hdf5Options& options) {
          Json hints = Json::object();
          for (const auto& [name, value] : options.hints) hints[name] = value;
          return hints;
        },
        [](Hdf5Options& options, const Json& value) { return take_hints(options.hints, value); }},
    Key{"alignment", "a multiple of 4096, or 0",
        [](const Hdf5Options& options) { return Json(options.alignment); },
        [](Hdf5Options& options, const Json& value) {
          return take_number(options.alignment, value);
        }},
    Key{"stripe_count", "a number between -1 and 2000",
        [](const Hdf5Options& options) { return Json(options.striping.count); },
        [](Hdf5Options& options, const Json& value) {
          if (!value.is_number_integer()) return false;
          const auto count = value.get<std::int64_t>();
          options.striping.count = static_cast<int>(count);
          return options.striping.count == count;
        }},
    Key{"stripe_bytes", "a multiple of 65536 below 4 GiB",
        [](const Hdf5Options& options) { return Json(options.striping.bytes); },
        [](Hdf5Options& options, const Json& value) {
          return take_number(options.striping.bytes, value);
        }},
};

// How the options came to be is for people.
constexpr const char* kMeasured = "measured";

std::string all_keys() {
  std::string all;
  for (const auto& key : kKeys) all += std::string(key.name) + ", ";
  return all + kMeasured;
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::invalid_argument, "profile '" + path + "': " + why);
}

std::string text_of(const std::string& path) {
  const PosixFile file(path, PosixFile::Mode::read);
  std::string text(file.size(), '\0');
  file.read(text.data(), text.size(), 0);
  return text;
}

void set(Hdf5Options& options, const std::string& path, const std::string& name,
         const Json& value) {
  if (name == kMeasured) return;
  for (const auto& key : kKeys) {
    if (name != key.name) continue;
    if (key.set(options, value)) return;
    refuse(path, "'" + name + "' is " + value.dump(-1, ' ', false, Json::error_handler_t::replace) +
                     ": it must be " + key.allowed);
  }
  refuse(path, "there is no key '" + name + "'; there are " + all_keys());
}

}  // namespace

Hdf5Options options_from_profile(const std::string& path) {
  const auto json = Json::parse(text_of(path), nullptr, false);
  if (!json.is_object()) refuse(path, "it is no JSON object with the keys " + all_keys());
  Hdf5Options options;
  for (const auto& [name, value] : json.items()) set(options, path, name, value);
  try {
    check_writer_options(options);
  } catch (const Error& error) {
    refuse(path, error.what());
  }
  return options;
}

std::string profile_of(const Hdf5Options& options) {
  Json json;
  for (const auto& key : kKeys) json[key.name] = key.get(options);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace h5dcp
