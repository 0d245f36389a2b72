# shellcheck shell=sh
# Homes have been called USER.linux and USER.guest by different versions: each finds the other.
for pair in linux:guest guest:linux; do
	old=$LIMA_ROOT/home/$LIMA_CIDATA_USER.${pair%:*} new=$LIMA_ROOT/home/$LIMA_CIDATA_USER.${pair#*:}
	if [ -d "$old" ] && [ ! -L "$old" ] && [ ! -e "$new" ]; then
		ln -s "${old##*/}" "$new"
	fi
done
