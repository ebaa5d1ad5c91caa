import { Argument, Command } from "commander";
import { MESSAGE_FORMATS, examples, outputOptions } from "./options.ts";

export function demoCommand(): Command {
  const command = new Command("demo")
    .description("show a demo on a temporary PostgreSQL server")
    .option("--keep", "keep the server running, and print commands to try on it and to remove it");
  return examples(
    outputOptions(command, MESSAGE_FORMATS),
    ["A first look", "walctl demo"],
    ["Try commands of your own afterwards", "walctl demo --keep"],
  );
}

export function schemaCommand(): Command {
  const command = new Command("schema").description(
    "print the JSON Schema of the lines that tail, decode-file and inspect print",
  );
  return examples(command, ["Types for a program that reads them", "walctl schema > line.json"]);
}

export function helpCommand(): Command {
  const command = new Command("help")
    .description("print the help of walctl, or of one of its commands")
    .option("--all", "all options, with examples")
    .argument("[command]", "the command");
  return examples(command, ["What tail can do", "walctl help tail"]);
}

export function completionCommand(): Command {
  const command = new Command("completion")
    .description("print a script that completes commands, options, and names from the server")
    .addArgument(new Argument("<shell>", "the shell").choices(["bash", "zsh", "fish"]));
  return examples(
    command,
    ["bash, in ~/.bashrc", 'eval "$(walctl completion bash)"'],
    ["zsh, in ~/.zshrc after compinit", 'eval "$(walctl completion zsh)"'],
    ["fish", "walctl completion fish > ~/.config/fish/completions/walctl.fish"],
  );
}

/** The completion scripts call it: it prints names from the server, one a line, and no errors. */
export function completeCommand(): Command {
  return new Command("__complete")
    .argument("<what>", "what the names are of")
    .argument("[words...]", "after --: the command line so far");
}

/** `npm run man` and `npm run reference` call it. */
export function manCommand(): Command {
  return new Command("__man").addArgument(
    new Argument("[form]", "the page").choices(["man", "reference"]).default("man"),
  );
}
