#include "completion.hpp"

#include <sstream>
#include <string>

namespace tool {
namespace {

// "--json --slice -h --help"
std::string options_of(const CLI::App& app) {
  std::string all;
  const auto add = [&all](const std::string& name) { all += (all.empty() ? "" : " ") + name; };
  for (const auto* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    for (const auto& name : option->get_snames()) add("-" + name);
    for (const auto& name : option->get_lnames()) add("--" + name);
  }
  return all;
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::ostringstream script;
  std::string verbs;
  std::string cases;
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    verbs += (verbs.empty() ? "" : " ") + verb->get_name();
    cases += "    " + verb->get_name() + ") words=\"" + options_of(*verb) + "\" ;;\n";
  }
  script
      << "# Completion of h5dcp for bash; in zsh first: autoload -U bashcompinit && bashcompinit\n"
         "_h5dcp() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} words\n"
         "  COMPREPLY=()\n"
         "  case ${COMP_WORDS[1]} in\n"
      << cases << "    *) words=\"" << options_of(app) << "\" ;;\n"
      << "  esac\n"
         "  if [[ $current == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  elif ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W \""
      << verbs
      << "\" -- \"$current\"))\n"
         "  fi  # else a file: see -o default\n"
         "}\n"
         "complete -o default -F _h5dcp h5dcp";
  return script.str();
}

}  // namespace tool
