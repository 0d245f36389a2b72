#!/usr/bin/env bats
# The map from the rows of the reference of lima.yaml to their tests, and the broken files as a user meets them.

load ../lib/common

setup() {
	fresh_home
	cd "$TOP"
}

@test "every row of the reference has a test that exists, every data file stands for a row" {
	python3 - <<-'EOF'
		import glob, os
		rows, counts, named, wrong = {}, {}, set(), []
		for line in open("tests/data/spec-rows.tsv", encoding="utf-8"):
		    if line.startswith("#"):
		        continue
		    column = line.rstrip("\n").split("\t")
		    if column[1] == "rows":
		        counts[column[0]] = int(column[2])
		        continue
		    section, row, what, path, text = column
		    rows.setdefault(section, set()).add(int(row))
		    named.add(path)
		    if not os.path.exists(path):
		        wrong.append(f"{section} {row} ({what}): there is no {path}")
		    elif text != "-" and text not in open(path, encoding="utf-8").read():
		        wrong.append(f"{section} {row} ({what}): {path} has no {text!r}")
		for section, n in counts.items():
		    if rows.get(section) != set(range(1, n + 1)):
		        wrong.append(f"{section}: not the rows 1 to {n}")
		assert rows.keys() == counts.keys()
		for path in glob.glob("tests/data/yaml/bad/*.yaml") + glob.glob("tests/data/merge/*.case"):
		    if path not in named:
		        wrong.append(f"{path} is of no row")
		for path in glob.glob("tests/data/yaml/bad/*.yaml"):
		    if not os.path.exists(path[:-4] + "err"):
		        wrong.append(f"{path} has no .err")
		print(*wrong, sep="\n")
		assert not wrong
	EOF
}

@test "every case of the list of faults that is claimed has its tests" {
	python3 - <<-'EOF'
		import os
		cases, wrong = set(), []
		for line in open("tests/data/cases.tsv", encoding="utf-8"):
		    if line.startswith("#"):
		        continue
		    case, what, path, text = line.rstrip("\n").split("\t")
		    cases.add(int(case))
		    if not os.path.exists(path) or text not in open(path, encoding="utf-8").read():
		        wrong.append(f"case {case} ({what}): {path} has no {text!r}")
		print(*wrong, sep="\n")
		assert not wrong
		assert {1, 2, 3, 4, 11, *range(13, 20), *range(22, 27), *range(28, 33), 42, 44, 48, 49, 50} <= cases, cases
	EOF
}

@test "every message of the validation is expected by a test" {
	python3 - <<-'EOF'
		import glob, re
		word = r'"(?:\\.|[^"\\])*"'
		def join(source):  # "a" PRId64 "b", over several lines, as one literal
		    source = re.sub(r'"\s*PRI[dux]64\s*"', "d", source)
		    source = re.sub(r'"\s*PRI[dux]64', 'd"', source)
		    return re.sub(r'(?<!\\)"\s*"', "", source)
		tests = "".join(open(f, encoding="utf-8").read()
		                for f in glob.glob("tests/data/yaml/bad/*.err") + glob.glob("tests/unit/*.c"))
		tests = join(tests).replace('\\"', '"')
		count, missing = 0, []
		for path in sorted(glob.glob("tools/render/validate*.c") + glob.glob("tools/render/fill*.c")):
		    source = join(open(path, encoding="utf-8").read())
		    for call in re.finditer(r"\b(?:check|diag)_(?:error|warn)\((?:[^;\"]|" + word + r")*;", source):
		        # The message is the literal with a blank in it; keys have none.
		        for text in re.findall(word, call.group()):
		            text = text[1:-1].replace('\\"', '"')
		            if " " not in text or text in ("%s: %s", ", "):
		                continue
		            parts = re.split(r"%[-0-9.*]*(?:ll|l|z)?[a-z]", text)
		            count += 1
		            if not re.search(".*?".join(map(re.escape, parts)), tests):
		                missing.append(f"{path}: {text}")
		print(*missing, sep="\n")
		assert not missing
		assert count > 90, count
	EOF
}

@test "each broken file: line, column and reason, status 65, and nothing is written" {
	mkdir "$LIMA_HOME"
	before=$(find "$BATS_TEST_TMPDIR" | sort)
	n=0
	for f in tests/data/yaml/bad/*.yaml; do
		# In a template entries for one disk are joined; only a stored lima.yaml can have two.
		[[ $f != */064-disk-twice.yaml ]] || continue
		status=0
		lima-render --check "$f" >"$BATS_FILE_TMPDIR/out" 2>&1 || status=$?
		[ "$status" = 65 ] || { echo "$f: status $status"; cat "$BATS_FILE_TMPDIR/out"; false; }
		grep -qE "${f##*/}:[0-9]+:[0-9]+: " "$BATS_FILE_TMPDIR/out" || { echo "$f:"; cat "$BATS_FILE_TMPDIR/out"; false; }
		n=$((n + 1))
	done
	[ "$n" -ge 60 ]
	# The same by the verb, for every tenth.
	for f in tests/data/yaml/bad/??5-*.yaml; do
		fails 65 "${f##*/}:" lima-instance create --template "$f" vm
	done
	diff <(echo "$before") <(find "$BATS_TEST_TMPDIR" -path "$LIMA_HOME/_locks" -prune -o -print | sort)
}
