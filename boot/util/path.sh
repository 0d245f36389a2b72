# Lima BEGIN
PATH="$PATH:/usr/sbin:/sbin"
export PATH
# Lima END
