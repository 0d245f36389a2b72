/* limactl completion: the scripts that make a shell ask us what fits behind TAB (complete.c). */
#include "command.h"

#include <string.h>

static const struct flag_spec flags[] = {
	{ .name = "no-descriptions", .help = "offer names only" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

/* "@@" in a script stands for the helper's name. Directives: 1 error, 2 no blank behind, 4 no file names. */
static const char bash_script[] =
	"# bash completion for limactl; needs bash 4. To load it: source <(limactl completion bash)\n"
	"_limactl() {\n"
	"\tlocal words cword cur line name directive out\n"
	"\tCOMPREPLY=()\n"
	"\tif declare -F _comp_get_words >/dev/null; then\n"
	"\t\t_comp_get_words -n =: words cword cur\n"
	"\telif declare -F _get_comp_words_by_ref >/dev/null; then\n"
	"\t\t_get_comp_words_by_ref -n =: words cword cur\n"
	"\telse\n"
	"\t\t# Without bash-completion: COMP_WORDS is split at ':' and '=' too, so the line is split again.\n"
	"\t\tline=${COMP_LINE:0:COMP_POINT}\n"
	"\t\tIFS=$' \\t' read -ra words <<<\"$line\"\n"
	"\t\t[[ $line == *[[:blank:]] ]] && words+=(\"\")\n"
	"\t\tcword=$((${#words[@]} - 1)) cur=${words[${#words[@]} - 1]}\n"
	"\tfi\n"
	"\tout=$(\"${words[0]}\" @@ \"${words[@]:1:cword-1}\" \"$cur\" 2>/dev/null) || return\n"
	"\tdirective=${out##*:}\n"
	"\tout=${out%:*}\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tname=${line%%$'\\t'*}\n"
	"\t\t[[ -n $name && $name == \"$cur\"* ]] && COMPREPLY+=(\"$name\")\n"
	"\tdone <<<\"$out\"\n"
	"\t# readline splits at ':' and '=' unless told otherwise; it wants only what is behind the last of them.\n"
	"\tif [[ $cur == *[:=]* && $COMP_WORDBREAKS == *[:=]* ]]; then\n"
	"\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"${cur%\"${cur##*[:=]}\"}\"}\")\n"
	"\tfi\n"
	"\t((directive & 2)) && compopt -o nospace 2>/dev/null\n"
	"\tif ((${#COMPREPLY[@]} == 0 && !(directive & 4))); then\n"
	"\t\tcompopt -o default 2>/dev/null\n"
	"\tfi\n"
	"}\n"
	"complete -F _limactl limactl\n";

static const char zsh_script[] =
	"#compdef limactl\n"
	"compdef _limactl limactl\n"
	"# zsh completion for limactl. To load it: source <(limactl completion zsh), or put it into $fpath as _limactl.\n"
	"_limactl() {\n"
	"\tlocal out line directive\n"
	"\tlocal -a items\n"
	"\tout=$(\"${words[1]}\" @@ \"${(@)words[2,CURRENT]}\" 2>/dev/null) || return\n"
	"\tdirective=${out##*:}\n"
	"\tfor line in \"${(@f)${out%:*}}\"; do\n"
	"\t\t[[ -z $line ]] && continue\n"
	"\t\t# _describe separates name and text by a colon.\n"
	"\t\tif [[ $line == *$'\\t'* ]]; then\n"
	"\t\t\titems+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\t\telse\n"
	"\t\t\titems+=(\"${line//:/\\\\:}\")\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif ((${#items})); then\n"
	"\t\tif ((directive & 2)); then _describe limactl items -S ''; else _describe limactl items; fi\n"
	"\telif ((!(directive & 4))); then\n"
	"\t\t_files\n"
	"\tfi\n"
	"}\n"
	"[[ $funcstack[1] == _limactl ]] && _limactl \"$@\"\n";

static const char fish_script[] =
	"# fish completion for limactl. To load it: limactl completion fish | source\n"
	"function __limactl_complete\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l current (commandline -ct)\n"
	"\tset -l out (command $words[1] @@ $words[2..-1] \"$current\" 2>/dev/null)\n"
	"\tor return\n"
	"\tset -l directive (string replace : '' -- $out[-1])\n"
	"\tset -e out[-1]\n"
	"\tif test (count $out) -gt 0\n"
	"\t\tprintf '%s\\n' $out\n"
	"\telse if test (math \"bitand($directive, 4)\") -eq 0\n"
	"\t\t__fish_complete_path \"$current\"\n"
	"\tend\n"
	"end\n"
	"complete -c limactl -f -a '(__limactl_complete)'\n";

static int print(const struct ctl *c, const char *script)
{
	const char *helper = flag_bool(c->flags, "no-descriptions") ? "__completeNoDesc" : "__complete";
	const char *mark;

	for (; (mark = strstr(script, "@@")); script = mark + 2)
		printf("%.*s%s", (int)(mark - script), script, helper);
	fputs(script, stdout);
	return 0;
}

static int run_bash(struct ctl *c, struct err *e)
{
	(void)e;
	return print(c, bash_script);
}

static int run_zsh(struct ctl *c, struct err *e)
{
	(void)e;
	return print(c, zsh_script);
}

static int run_fish(struct ctl *c, struct err *e)
{
	(void)e;
	return print(c, fish_script);
}

static int run_powershell(struct ctl *c, struct err *e)
{
	(void)c;
	return err_set(e, EXIT_NO, "completion for powershell is not supported: limactl runs on Linux, where bash, zsh and "
				   "fish are");
}

static const struct command for_bash = {
	.name = "bash",
	.summary = "Print the completion script for bash",
	.max_args = 0,
	.flags = tables,
	.run = run_bash,
};

static const struct command for_zsh = {
	.name = "zsh",
	.summary = "Print the completion script for zsh",
	.max_args = 0,
	.flags = tables,
	.run = run_zsh,
};

static const struct command for_fish = {
	.name = "fish",
	.summary = "Print the completion script for fish",
	.max_args = 0,
	.flags = tables,
	.run = run_fish,
};

static const struct command for_powershell = {
	.name = "powershell",
	.summary = "Print the completion script for powershell",
	.max_args = 0,
	.flags = tables,
	.run = run_powershell,
};

static const struct command *const sub[] = { &for_bash, &for_fish, &for_powershell, &for_zsh, NULL };

const struct command cmd_completion = {
	.name = "completion",
	.group = GROUP_NONE,
	.summary = "Print a script that completes commands in a shell",
	.text = "  bash    source <(limactl completion bash)\n"
		"  zsh     source <(limactl completion zsh)\n"
		"  fish    limactl completion fish | source\n"
		"\n"
		"`make install` puts the scripts where the shells look for them.",
	.sub = sub,
};
