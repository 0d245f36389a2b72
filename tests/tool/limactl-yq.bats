#!/usr/bin/env bats
# limactl yq: what people use of yq, version 4; expectations are what yq 4.54 prints (spec/cli.md section 12).
# shellcheck disable=SC2154 # run sets status, output, stderr

load ../lib/common

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
}

# is WANT INPUT ARGUMENT... : status 0, and just that output.
is() {
	local want=$1 input=$2
	shift 2
	run --separate-stderr limactl yq "$@" <<<"$input"
	if [ "$status" != 0 ] || [ "$output" != "$want" ] || [ -n "$stderr" ]; then
		printf 'yq %s\nwant: %s\ngot %s: %s\n%s\n' "$*" "$want" "$status" "$output" "$stderr"
		return 1
	fi
}

# err TEXT ARGUMENT... : status 1 and "Error: TEXT" on stderr.
err() {
	local want=$1
	shift
	run --separate-stderr limactl yq "$@" </dev/null
	[ "$status" = 1 ] && [ -z "$output" ] && [ "$stderr" = "Error: $want" ] || { echo "$status: $stderr"; return 1; }
}

@test "names that mean yq" {
	real=$(readlink -f "$(command -v limactl)")
	for name in yq yq.lima yq.lima.exe; do
		ln -s "$real" "$name"
		run "./$name" -n .a=1
		[ "$output" = "a: 1" ]
	done
	ln -s "$real" yqx
	run ./yqx -n .a=1
	[ "$status" = 1 ]
	run limactl --debug yq -n .a=1
	[ "$status" = 1 ]
}

@test "--version, --help" {
	run limactl yq --version
	[ "$status" = 0 ]
	[[ $output =~ ^yq\ \(https://github.com/mikefarah/yq/\)\ version\ v4\.[0-9]+\.[0-9]+ ]]
	run limactl yq -V
	[[ $output == yq* ]]
	run limactl yq --help
	[ "$status" = 0 ]
	[[ $output == *"--null-input"* ]]
}

@test "flow style stays as it was, single pairs in lists too" {
	is '{images: [location: x], disk: 1M}' '{images: [location: x]}' '.disk = "1M"'
	is 'a: [b: 1, {c: 2, d: 3}, e: [f: g]]' 'a: [b: 1, {c: 2, d: 3}, e: [f: g]]' .
	is 'a: [{b: 1, c: 2}]' 'a: [b: 1]' '.a[0].c = 2'
}

@test "no input, JSON output, indentation" {
	is 'foo: 42' '' -n .foo=42
	is 'foo: 42' '' eval --null-input .foo=42
	is 'foo: 42' '' e -n .foo=42
	is '{"foo":42}' '' -n -o json -I 0 .foo=42
	is '{"foo":42}' '' -n -o=json -I=0 .foo=42
	is '{"foo":42}' '' -n --output-format json --indent 0 .foo=42
	is $'{\n  "foo": 42\n}' '' -n -j .foo=42
	is $'{\n    "foo": 42\n}' '' -n -oj -I4 .foo=42
	is '"x"' '' -n -oj '"x"'
	is x '' -n -oj -r '"x"'
	is x '' -n '"x"'
}

@test "lexer and operators that are refused" {
	err '1:1: lexer: invalid input text "foo"' -n foo
	err '1:6: lexer: invalid input text "bar(1)"' -n '.a | bar(1)'
	err '1:1: lexer: invalid input text "\"open"' -n '"open'
	err 'system operations are disabled, use --security-enable-system-operator to enable' -n 'system("x")'
	err 'system operations are disabled, use --security-enable-system-operator to enable' -n --security-enable-system-operator 'system("x")'
	err 'env operations have been disabled' -n --security-disable-env-ops 'env(FOO)'
	err 'env operations have been disabled' -n --security-disable-env-ops 'strenv(FOO)'
	err 'file operations have been disabled' -n --security-disable-file-ops 'load("x")'
	err 'the operator line is not supported by the yq of limactl' '.a | line'
	err 'the operator style is not supported by the yq of limactl' '.a | style'
	err 'the style tagged is not supported by the yq of limactl' '.. style="tagged"'
	err 'unknown style bold' '.a style="bold"'
	err 'ireduce: write LIST as $item ireduce (START; EXPRESSION)' '.[] ireduce (0; .)'
	err "unknown format 'xml' please use [yaml|json]; the others of yq are not supported by limactl" -o xml .
	err 'unknown flag: --bogus' --bogus
}

@test "env and load" {
	export NUMBER=3 TEXT='a "b" $c' MAP='{x: [1]}'
	unset NOTHING
	is '3' '' -n 'env(NUMBER)'
	is '3' '' -n 'strenv(NUMBER)'
	is '"3"' '' -n -oj 'strenv(NUMBER)'
	is '1' '' -n 'env(MAP).x[0]'
	is 'a "b" $c' '' -n 'strenv(TEXT)'
	is '' '' -n 'strenv(NOTHING)'
	err "value for env variable 'NOTHING' not provided in env()" -n 'env(NOTHING)'
	echo 'k: [1, 2]' >'f ü.yaml'
	is '2' '' -n 'load("f ü.yaml").k[1]'
	is 'k: [1, 2]' '' -n 'load_str("f ü.yaml") | trim'
	run limactl yq -n 'load("none.yaml")'
	[ "$status" = 1 ]
	[[ $output == "Error: "*none.yaml* ]]
	is 'env(X)' '' -n '"env(X)"'
}

@test "documents" {
	two=$'a: 1\n---\na: 2'
	is $'a: 1\n---\na: 2' "$two" .
	is $'1\n---\n2' "$two" .a
	is $'1\n2' "$two" -N .a
	is $'k\nk' "$two" '"k"'
	is $'{"a":1}\n{"a":2}' "$two" -o json -I0 .
	is $'a: 1\n---\na: 3' "$two" '(select(.a == 2) | .a) = 3'
	is '2' "$two" '.a | select(. > 1)'
	is $'{"a":1}\n{"a":[1,2]}\n3\n"x"\nnull' $'{"a":1}\n{"a":\n  [1,2]}3 "x"\nnull' -p json -o json -I0 .
	is $'a:\n  - 1\nb: "1"' '{"a":[1],"b":"1"}' -p json .
	is $'null\n---\na: 1' $'---\n---\na: 1' .
	is $'a: 1' $'%YAML 1.2\n---\na: 1\n...' .
	is '' '' .
}

@test "style, order, comments survive" {
	is $'# top\nb: "x" # why\na: [1, 2]\nc: new' $'# top\nb: "x" # why\na: [1, 2]' '.c = "new"'
	is '{images: [1], disk: 1M}' '{images: [1]}' '.disk = "1M"'
	is $'a:\n  - 1\n  - b: 2' $'a:\n- 1\n- b: 2' .
	is $'- 1\n- 2' $'a:\n- 1\n- 2' .a
	is $'a:\n  - 1' 'a: [1]' -P .
	is $'x: |\n  a\n  b' $'x: |\n  a\n  b' .
}

@test "styles: of all, of some, before and after changes" {
	doc=$'a: cat\nb: 5\nc: "x y"\nd: {e: true}\nf: [1]'
	is $'a: "cat"\nb: "5"\nc: "x y"\nd: {e: "true"}\nf: ["1"]' "$doc" '.. style="double"'
	is $'a: \'cat\'\nb: 5\nc: \'x y\'\nd: {e: true}\nf: [1]' "$doc" '(.. | select(tag == "!!str")) style="single"'
	is $'a: |-\n  cat\nb: >-\n  5\nc: "x y"\nd: {e: true}\nf: [1]' "$doc" '.a style="literal" | .b style="folded"'
	is $'a: cat\nb: 5\nc: x y\nd:\n  e: true\nf:\n  - 1' "$doc" '... style=""'
	is '{a: cat, b: 5, c: "x y", d: {e: true}, f: [1]}' "$doc" '. style="flow"'
	is '[a, b]' 'k: [a, b]' '.k style="" | .k style="flow" | .k'
	is $'g: "new"' '' -n '.g = "new" | .g style="double"'
	is $'a: cat\nb: 6\nc: x y\nd: {e: true}\nf: [1]' "$doc" '.c style="" | .b += 1'
	# JSON has no styles.
	is '{"b":5}' 'b: 5' -o json -I0 '.b style="double"'
	is 'style="double"' '' -n '"style=\"double\""'
}

@test "indentation of YAML" {
	doc=$'a:\n  b:\n  - c: 1\n    d: [2]\n    e:\n    - f'
	is $'a:\n    b:\n        - c: 1\n          d: [2]\n          e:\n            - f' "$doc" -I4 .
	is $'a:\n   b:\n      - c: 1\n        d: [2]\n        e:\n         - f' "$doc" --indent 3 .
	is $'a: 1 # one' 'a: 1   # one' .
}

@test "patterns to the right of ==" {
	doc=$'- {n: cat}\n- {n: goat}\n- {n: dog}\n- {n: "a*b"}\n- {n: a.b}\n- {n: 12}\n- {n: null}'
	is $'cat\ngoat' "$doc" '.[] | select(.n == "*at") | .n'
	is $'a*b\na.b' "$doc" '.[] | select(.n == "a?b") | .n'
	is '12' "$doc" '.[] | select(.n == "1*") | .n'
	is $'cat\ngoat\ndog\na*b\na.b\n12' "$doc" '.[] | select(.n == "*") | .n'
	is $'dog\nnull' "$doc" '.[] | select(.n != "*a*" and .n != "1?") | .n'
	is 'true' 'a: "x*"' '"xyz" == .a' # whatever it comes from
	is 'true' $'a: "l1\\nl2"' '.a == "l1*"'
	is 'false' 'a: cat' '.a == "*A*"'
}

@test "reduce and merge" {
	is 6 '[1, 2, 3]' '.[] as $i ireduce (0; . + $i)'
	is $'x: 6\ny: 1' $'x: [1, 2, 3]\ny: 1' '.x = (.x | .[] as $i ireduce (0; . + $i))'
	is $'a: 1\nb: 2' $'- {name: a, v: 1}\n- {name: b, v: 2}' '.[] as $i ireduce ({}; .[$i.name] = $i.v)'
	base=$'l: [1, {k: a}]\nm: {x: 1, y: {z: 2}}\ns: old'
	echo $'l: [2]\nm: {y: {w: 3}}\ns: new\nt: more' >b.yaml
	json='-o json -I0'
	is '{"l":[2],"m":{"x":1,"y":{"z":2,"w":3}},"s":"new","t":"more"}' "$base" $json '. * load("b.yaml")'
	is '{"l":[1,{"k":"a"},2],"m":{"x":1,"y":{"z":2,"w":3}},"s":"new","t":"more"}' "$base" $json '. *+ load("b.yaml")'
	is '{"l":[1,{"k":"a"}],"m":{"x":1,"y":{"z":2,"w":3}},"s":"old","t":"more"}' "$base" $json '. *n load("b.yaml")'
	is '{"l":[2],"m":{"x":1,"y":{"z":2}},"s":"new"}' "$base" $json '. *? load("b.yaml")'
	is '{"l":[2,{"k":"a"}],"m":{"x":1,"y":{"z":2,"w":3}},"s":"new","t":"more"}' "$base" $json '. *d load("b.yaml")'
	is '{"l":[1,{"k":"a"},2],"m":{"x":1,"y":{"z":2}},"s":"new"}' "$base" $json '. *?+ load("b.yaml")'
	is '[12,{"a":2},{"a":1}]' 'a: 1' $json '[3*4, . * {"a":2}, . * .none]'
}

@test "eval-all: one expression over all documents" {
	printf 'a: 1 # one\nl: [1]\nm: {x: 1}\n' >1.yaml
	printf 'a: 2\nl: [2]\nm: {y: 2}\n---\na: 3\n' >2.yaml
	json='-o json -I0'
	is $'a: 2 # one\nl: [2]\nm: {x: 1, y: 2}' '' eval-all 'select(fileIndex == 0) * select(fileIndex == 1 and documentIndex == 0)' 1.yaml 2.yaml
	is $'a: 2 # one\nl: [1, 2]\nm: {x: 1, y: 2}' '' ea 'select(fi == 0) *+ select(fi == 1 and di == 0)' 1.yaml 2.yaml
	is $'a: 3 # one\nl: [2]\nm: {x: 1, y: 2}' '' ea '. as $item ireduce ({}; . * $item)' 1.yaml 2.yaml
	is '{"a":3,"l":[1,2],"m":{"x":1,"y":2}}' '' ea $json '. as $item ireduce ({}; . *+ $item)' 1.yaml 2.yaml
	is '[1,2]' '' ea $json 'select(fi == 0) as $a | select(fi == 1 and di == 0) as $b | $a *+ $b | .l' 1.yaml 2.yaml
	is '[1,2,3]' '' ea $json '[.a]' 1.yaml 2.yaml
	is '[2,3]' '' ea $json '[select(filename == "2*") | .a]' 1.yaml 2.yaml
	is 6 '' ea '[.[] | select(tag == "!!int")] | add' 1.yaml 2.yaml
	is $'1\n---\n2\n---\n3' '' ea .a 1.yaml 2.yaml
	is $'2\n---\n3' '' ea '.a | select(fileIndex == 1)' 1.yaml 2.yaml
	is $'a: 7\n---\na: 7' $'a: 1\n---\na: 2' ea '.a = 7'
	is $'a: 2\n---\na: 3' $'a: 1\n---\na: 2' ea '.a |= . + 1'
	is $'a: "1" # one\nl: [1]\nm: {x: 1}' '' ea '.a style="double"' 1.yaml
	is k '' ea '"k"' 1.yaml 2.yaml
	is '' '' ea -i 'select(fi == 0) * select(di == 1)' 1.yaml 2.yaml
	[ "$(head -n 1 1.yaml)" = 'a: 3 # one' ]
	err '1:6: lexer: invalid input text "bogus"' ea '.a | bogus' 1.yaml
	err 'the operator fileIndex is not supported by the yq of limactl' fileIndex 1.yaml
	err 'eval-all: the operator at "= select(fi == 1).a", between documents, is not supported by the yq of limactl' \
		ea 'select(fi == 0).a = select(fi == 1).a' 1.yaml 2.yaml
	err 'eval-all: the operator at ", .l", between documents, is not supported by the yq of limactl' ea '.a, .l' 1.yaml 2.yaml
}

@test "expressions seen in the field" {
	doc=$'name: n\nimages:\n- {location: x, arch: a1}\n- {location: y, arch: a2}\nenv: {A: "1", B: two}\nnum: 1048576\nl: [b, a, b]'
	is x "$doc" '.images[0].location'
	is $'x\ny' "$doc" '.images[].location'
	is y "$doc" '.images[] | select(.arch == "a2").location'
	is $'- x\n- y' "$doc" '[.images[].location]'
	is 'true' "$doc" '.num == "1048576"'
	is '2' "$doc" '.images | length'
	is $'- b\n- a' "$doc" '.l | unique'
	is $'- name\n- images\n- env\n- num\n- l' "$doc" keys
	is '!!map' "$doc" '.env | tag'
	is '!!seq' "$doc" '.l | type'
	is '!!int' "$doc" '.num | tag'
	is 'scalar' "$doc" '.num | kind'
	is $'- images\n- 1\n- arch' "$doc" '.images[1].arch | path'
	is $'A: "1"\nB: two\nC: x' "$doc" '.env * {"C": "x"}'
	is 'true' "$doc" '.name | test("^n$")'
	is 'null' "$doc" '.nothing.at.all'
	is '7' "$doc" '.nothing // 7'
	is $'B: two' "$doc" 'del(.env.A) | .env'
	is 'N!' "$doc" '.name | upcase + "!"'
	is 'l=b' "$doc" '"l=" + .l[0]'
	is $'name: n' "$doc" 'pick(["name"])'
	is 'b-a-b' "$doc" '.l | join("-")'
	is 'xax' "$doc" '.l | join("") | sub("b"; "x")'
	is '{"A":"1","B":"two"}' "$doc" '.env | to_json'
	is $'- key: A\n  value: "1"\n- key: B\n  value: two' "$doc" '.env | to_entries'
	is 'n' "$doc" -e .name
	run limactl yq -e .nothing <<<"$doc"
	[ "$status" = 1 ]
	[[ $output == *"no matches found"* ]]
}

@test "files: the argument that is no file is the expression; formats by name; in place" {
	echo 'a: 1' >x.yaml
	echo '{"a": 2}' >x.json
	is 1 '' .a x.yaml
	is 'a: 1' '' x.yaml
	is $'{"a":2}' '' -I0 . x.json
	is 'a: 2' '' -o yaml . x.json
	is $'1\n---\n2' '' .a x.yaml x.json
	is $'1\n---\n5' 'a: 5' .a x.yaml -
	chmod 640 x.yaml
	is '' '' -i '.a = 9' x.yaml
	[ "$(cat x.yaml)" = "a: 9" ]
	[ "$(stat -c %a x.yaml)" = 640 ]
	run limactl yq -i '.a | nonsense' x.yaml
	[ "$status" = 1 ]
	[ "$(cat x.yaml)" = "a: 9" ]
	err 'write inplace flag only applicable when giving an expression and at least one file' -i .a
	echo '.a' >e.txt
	is 9 '' --from-file e.txt x.yaml
	is 9 '' --expression .a x.yaml
	run limactl yq . none.yaml
	[ "$status" = 1 ]
	[[ $output == "Error: "*none.yaml* ]]
	run limactl yq . <<<$'a: [\n'
	[ "$status" = 1 ]
	[[ $output == "Error: "* ]]
}
