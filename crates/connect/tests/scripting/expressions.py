"""Expressions as people write them (Debezium's guide, blogs, repositories), and one at least for each thing that they are made of."""

CONDITIONS = r"""
value.op == 'u' && value.before.id == 2
value.op == 'c'
value.op != 'd'
value.op == 'd'
value.op != 'r'
value.op == 'c' || value.op == 'u'
value.op in ['c','u']
value.op in ['c', 'u', 'r'] && value.source.table != 'audit'
!(value.op in ['d', 't'])
!(value.op == 'd')
value.after != null
value.before == null
value.after != null && value.after.id > 5
value.after.id == 2
value.after.id==7
value.after?.id == 7
value.after?.id > 5
value.after.status == 'ACTIVE'
value.after.status != 'deleted'
value.after.status != null && value.after.status.toLowerCase() == 'active'
value.after.active == true
value.after.active
!value.after.active
value.after?.active == false
value.after.is_cdc_sync == 0
value.after.price > 10
value.after.price > 19.99
value.after.price == 19.99
value.after.price >= 19.990
value.after?.total == 100
value.after?.total > 99.5
value.after?.qty > 1000000
value.after?.small == 300
value.after?.ratio == 2.5
value.after?.rate == 0.1
value.after?.rate < 0.2f
value.after?.fine == 0
value.after?.fine > 0
value.after?.big > 1000000000000000000
value.after?.big == 1180591620717411303424
value.after.status != value.before.status
value.op == 'u' && value.before.status != value.after.status
value.op == 'u' && value.before?.status != value.after?.status
value.source.table == 'orders' && (value.op == 'd' || value.op == 'c' || (value.op == 'u' && value.after.status != value.before?.status))
value.source.table == 'audit'
value.source.table != 'audit'
value.source.schema == 'public'
value.source.schema == 'sales' || value.source.db == 'shop'
value.source.name == 'srv'
value.source.snapshot == 'last'
value.source.snapshot in ['true', 'last', 'first']
value.source.table in ['orders','users']
value.source != 'sync_service'
value.source.ts_ms > 0
value.ts_ms - value.source.ts_ms < 1000
value.transaction != null
value.transaction?.id == '7:99'
value.transaction?.total_order > 0
!(valueSchema.field('op') && value.op == 'u')
valueSchema.field('op') && value.op == 'r'
!(valueSchema.field('op') && value.op == 'u' && value.source.table == 'orders' && value.before?.status != value.after?.status)
!(valueSchema.field('op') && value.op == 'u' && value.before && value.before.text == '' && value.after.text != '')
valueSchema.field('nope') == null
valueSchema.field('op') != null
valueSchema?.field('op') != null && value.op == 'c'
value != null && valueSchema.name == 'srv.public.orders.Envelope'
valueSchema.name() == 'srv.public.orders.Envelope'
valueSchema.name.endsWith('Envelope')
valueSchema.name ==~ /.*Envelope/
valueSchema.type().toString() == 'STRUCT'
valueSchema.type.toString() == 'STRUCT'
valueSchema.type == 'STRUCT'
valueSchema.version == 2
keySchema.name == 'srv.public.orders.Key'
keySchema?.name == null
key.id == 7
key?.id == 7
key.id in [1, 2, 7]
key != null && key.id != 7
topic == 'srv.public.orders'
topic.startsWith('srv.public')
topic.endsWith('orders') || topic.contains('heartbeat')
topic.matches('srv\\.public\\..*')
!topic.matches('__debezium-heartbeat.(.*)') && value.source.table.matches('(orders)')
topic =~ /orders$/
topic ==~ /srv\.(public|sales)\..*/
topic ==~ 'srv.public'
!(topic =~ 'heartbeat')
topic =~ /heartbeat/ ? false : value.op == 'c'
(topic =~ /heartbeat/).find()
!!(value.after?.name =~ /^An/)
value.after?.name ==~ /An/
value.after?.name ==~ /(?i)anna/
value.after?.name?.matches('A.*')
value.after?.name?.startsWith('An') && value.after?.name?.endsWith("na")
value.after?.name?.contains('nn')
value.after?.name?.equals('Anna')
value.after?.name?.equalsIgnoreCase('ANNA')
value.after?.name?.length() == 4
value.after?.name?.size() > 3
value.after?.name?.isEmpty()
value.after?.text?.isEmpty()
!value.after?.text
value.after?.text?.trim()?.isEmpty()
value.after?.text?.trim() == 'Grüße, '
value.after?.text?.length() == 13
value.after?.name > 'B'
value.after?.name < 'a'
value.after?.name == "Anna"
value.after.name == Anna
value.after.id == '7'
value.after.id.toString() == '7'
value.after.id == 7.0
value.after.id == 7L
value.after.id == 7.0f
value.after.id == 0x7
value.after.id != 7
value.after.id <= 7
value.after.id < 7
value.after.id >= 7
value.after.id <=> 7
(value.after.id <=> 5) > 0
value.after.id > 1 && value.after.id < 10
value.after.id in 1..10
value.after.id % 2 == 1
value.after.id * 2 == 14
value.after.id + 1 == 8
value.after.id - 7 == 0
value.after.id / 2 == 3.5
value.after.id / 7 == 1
-value.after.id == -7
+value.after.id == 7
value.after.price * 2 == 39.98
value.after.price + 0.01 == 20
value.after.price - 0.01 == 19.98
value.after.ratio * 2 == 5
0.1 + 0.2 == 0.3
0.1d + 0.2d == 0.3d
1 / 3 == 0.3333333333
1.0 == 1
1.10 == 1.1
'1' == 1
'a' == 'a'
'a' + 'b' == 'ab'
'a' < 'b'
'abc' <= 'abd'
'10' < '9'
true && false || true
true || value.nope
false && value.nope
!true == false
1 < 2 == true
null == false
null == null
null < 1
null > 1
null == 0
null in [null]
null in ['a']
'a' in null
'a' in ['a']
'a' in 'abc'
5 in [5.0]
5L in [5]
'b' in value.after?.tags
value.after.tags.contains('b')
value.after?.tags?.contains('z')
value.after?.tags?.size() == 2
value.after?.tags?.isEmpty()
value.after?.tags
value.after?.nums?.contains(2)
2 in value.after?.nums
value.after?.nums == [1, 2, 3]
value.after?.nums?.get(0) == 1
value.after?.tags == ['a', 'b']
value.after?.tags != []
value.after?.tags[0] == 'a'
value.after?.tags[-1] == 'b'
value.after?.tags[5] == null
value.after.attrs.color == 'red'
value.after?.attrs?.color == 'red'
value.after?.attrs?.nope == null
value.after?.attrs['color'] == 'red'
value.after?.attrs?.containsKey('size')
value.after?.attrs?.get('color') == 'red'
value.after?.attrs?.isEmpty()
value.after?.attrs?.size() == 2
value.after?.attrs
'color' in value.after?.attrs
value.after?.country?.value == 'UK'
value.after?.country?.set
value.after.country.value == 'UK'
value.after?.country
value.after == value.before
value.after != value.before
value.before
value.after && value.after.id == 7
value.before?.id
value.get('op') == 'u'
value.get('after')?.get('id') == 7
value.getString('op') == 'u'
value.getStruct('after')?.getInt32('id') == 7
value.getStruct('after').getInt64('qty') > 0
value.getInt32('op') == 1
value['op'] == 'u'
value['after']['id'] == 7
value["after"]?.id == 7
value.'op' == 'u'
value."op" == 'u'
value.after.raw == null
value.after?.raw
value.after?.doc == '{"a": {"b": 5}}'
value.after?.doc?.contains('"b": 5')
value.after?.created_at > 1577836800000000
value.after?.created_at > 1577836800000000L
value.after?.at > '2020-01-01'
value.after?.at >= '2020-07-01T10:00:00.120000Z'
value.after?.day == 18262
value.after?.n == 7
value.after?.n == null
value.after.schema == 's1'
value.after?.schema != null
value.nope == 1
value.after.nope == null
value.after?.nope
value.nope?.x == null
value.before.id == 2
value.before.id
value.op.length() == 1
value.op.toUpperCase() == 'U'
value.op.toString() == 'u'
value.op.equals('u')
'u'.equals(value.op)
'u' == value.op
"u" == value.op
'cu'.contains(value.op)
['c','u'].contains(value.op)
['c':1].containsKey(value.op)
header.idh.value == 10
header.idh?.value == 10
header['idh']?.value == 10
header.get('idh')?.value == 10
header.containsKey('idh')
header.tenant?.value == 'acme2'
header.tenant?.value != 'acme'
header.nope == null
header.'x-y'?.value
header['x-y']?.value == true
header.idh?.schema?.type()?.toString() == 'INT32'
header.size() == 0
header.isEmpty()
!header
header?.idh?.value > 5
headers.idh.value == 10
headers == null
value.after?.name ?: false
(value.after?.name ?: 'none') == 'none'
(value.before ?: value.after)?.id == 7
(value.after ?: value.before).id == 7
value.after == null ? value.before.id == 7 : value.after.id == 7
value.op == 'd' ? value.before.id > 5 : value.after.id > 5
value.op == 'c' ? true : value.op == 'u' ? value.after.id > 5 : false
value.op == 'u' ?: false
return value.op == 'u'
return value.op == 'u';
value.op == 'u';
if (value.op == 'u') return true; else return false
def a = value.op; a == 'u'
value.after.tags.any { it == 'a' }
value.op.matches('[cu]')
value.op ==~ /[cu]/
value.op ==~ '[cu]'
value.op ==~ "c|u"
value.op =~ 'c|u'
value.op =~ /c/ || value.op =~ /u/
value.op == 'u' & value.op != 'c'
value.op == 'u' | value.op == 'c'
value.op == 'u' and value.op == 'c'
value.op = 'u'
value.op === 'u'
value.op !== 'u'
value.op instanceof String
value.after instanceof org.apache.kafka.connect.data.Struct
value.op !in ['d', 'r']
value.after?.id !in [1, 2]
value.after.price.intValue() == 19
value.after.price as int == 19
value.after.price.toString() == '19.99'
value.after.total.toString() == '100'
value.after.ratio.toString() == '2.5'
value.after.rate.toString() == '0.1'
value.after.active.toString() == 'true'
Integer.parseInt(value.after.id.toString()) == 7
value.after.name[0] == 'A'
value.after.name[0..1] == 'An'
value.after.name.substring(0, 2) == 'An'
value.after.name.indexOf('n') == 1
value.after.name.replace('n', 'm') == 'Amma'
value.after.name.split('n').size() == 2
value.after.name.charAt(0) == 'A'
value.after.name == 'anna'.capitalize()
"${value.op}" == 'u'
"op $value.op" == 'op u'
'''u''' == value.op
\"u\" == value.op
value.op == 'u' // only updates
value.op == /* updates */ 'u'
(value.op == 'u')
((value.op) == ('u'))
value . op == 'u'
value?.op == 'u'
value?.after?.id == 7
value.op=='u'&&value.after.id==7
true
false
null
1
'true'
value.op
value.after.id
[]
value.after?.name?.toLowerCase()?.startsWith('an')
value.after?.name?.toUpperCase() == 'ANNA'
value.after?.text?.toUpperCase()?.trim()?.startsWith('GRÜSSE')
value.after?.text?.contains('\n')
value.after?.text?.contains('\u00fc')
value.after?.name == 'An\na'
!!(value.after?.name =~ /\w+/)
!!(value.after?.text =~ /^ Gr\w+/)
!!(value.after?.text =~ /Gr..e/)
value.after?.text ==~ /.*/
value.after?.text ==~ /(?s).*/
!!(value.after?.text =~ /\bGr/)
!!(value.after?.text =~ /,\s$/)
!!(value.after?.name =~ /n{2}a$/)
!!(value.after?.name =~ /(?<x>n)\k<x>/)
!!(value.after?.name =~ /A(?=n)/)
!!(value.after?.name =~ /A(?!n)/)
!!(value.after?.name =~ /a++/)
!!(value.after?.name =~ /[a-z&&[^n]]+/)
!!(value.after?.name =~ /\p{Lu}/)
!!(value.after?.name =~ /\p{Upper}/)
!!(value.after?.name =~ /\Qnn\E/)
!!(value.after?.name =~ '\\w+')
!!(value.after?.name =~ value.op)
value.op =~ 'u' && value.op
value.after?.id > value.before?.id
value.after?.id > '5'
value.after?.name > 5
value.after?.active > false
value.after?.tags > 1
value.after > 1
value.after.id & 1
value.after.id ** 2 == 49
value.after.id++ == 7
value.after?.id == -7
- 7 == -value.after.id
!!value.after
!value.after && !value.before
!(value.after?.id == 7)
not value.after
value.class.name == 'x'
value.schema == null
value.source.class
value.after.hashCode() == 1
value.validate()
new Date() != null
value.after?.id?.equals(7)
value.after?.id?.equals(7L)
value.after?.price?.equals(19.99)
value.after?.price?.equals(19.990)
value.after?.qty == 5000000000
value.after?.qty == 5_000_000_000
value.after?.qty == 5e9
value.after?.ratio == 25e-1
value.after?.ratio == 0
value.after?.ratio
value.after?.qty
value.after?.price
value.after?.rate == 0.1f
value.after?.rate == 0.1d
value.after?.rate > 0.1
value.after?.rate >= 0.1
value.after?.qty + 1 == 5000000001
value.after?.id + value.after?.qty == 5000000007
2147483647 + 1 == 2147483648
2147483647 + 1 < 0
2147483648 * 2147483648 * 4 > 0
9223372036854775807 + 1 < 0
9223372036854775808 > 0
value.after?.id / 0 == 1
value.after?.id % 0 == 1
value.after?.id % 4 == 3
-7 % 4 == -3
7.5 % 2 == 1.5
7.5d % 2 == 1.5
value.after.price / 3 > 6.66
value.after.price % 2 > 1
1 / 0.0d > 1
'a' * 3 == 'aaa'
'abc' - 'b' == 'ac'
[1, 2] + [3] == [1, 2, 3]
[1, 2] - [2] == [1]
[1, 2] == [1.0, 2L]
['a'] == ['a']
['a', 1] != ['a']
[] == null
'' == null
'' == false
0 == false
1 == true
'a' == true
value.op == value.op
value.after?.name == value.before?.name
value.after?.price == value.after?.price
value.after?.tags == value.after?.tags
value.after?.raw == value.after?.raw
value.after?.attrs == value.after?.attrs
value.source == value.source
valueSchema == valueSchema
value.after?.id == value.after?.n
value.source.table.toUpperCase() in ['ORDERS']
value.source.table.startsWith('ord') && value.source.schema.equals('public')
value.source.lsn == 99
value.source.txId != null
value.source.sequence == null
value.__deleted == 'false'
value.__op == 'c'
value.status == 'RETRYING' || value.status == 'ACTIVE'
value.status == 'ACTIVE'
value.containsKey('op')
value.schema().field('op') != null
value.schema().fields().size() > 3
valueSchema.fields().size() > 3
valueSchema.fields.size() > 3
valueSchema.fields()*.name().contains('op')
valueSchema.field('after')?.schema()?.field('id') != null
valueSchema.field('op').name() == 'op'
valueSchema.isOptional()
valueSchema.doc == null
valueSchema.parameters() == null
value.after?.name =~ /^An/
-0.0d == 0.0d
-0.0d < 0
0.0d / 0 == 0.0d / 0
0.0d / 0 > 1
value.after?.id in [7L]
value.after?.id in [7]
value.after?.small in [300]
value.after?.qty in [5000000000]
value.after?.qty in [0]
value.after?.price in [19.99]
value.after?.price in [19.990]
value.after?.ratio in [2.5d]
value.after?.ratio in [2.5]
value.after?.active in [true]
!!(value.after?.name =~ /ul/)
!!(value.after?.id =~ /^7/)
!!(null =~ /null/)
!!(value.after?.price =~ /\.99/)
!!(value.after?.tags =~ /a, b/)
value.after?.id ==~ /\d/
null ==~ /.*/
!!(topic =~ 'srv.public')
!!(topic =~ /^srv\.public\.\w+$/)
!!(value.after?.text =~ /(?i)GR/)
!!(value.after?.text =~ /\s+\S+\s/)
!!(value.after?.text =~ /[^\x00-\x7F]/)
!!(value.after?.name =~ /^(An|Bo)/)
!!(value.after?.name =~ /n+?a/)
!!(value.after?.name =~ /\bAnna\b/)
!!(value.after?.name =~ /.{4}/)
!!(value.after?.name =~ /A.*?a$/)
!!(value.after?.name =~ /\$/)
!!(value.after?.name =~ "na\$")
!!(value.after?.name =~ /x$y/)
!!(value.after?.name =~ /[]a]/)
!!(value.after?.name =~ /\u0041/)
!!(value.after?.name =~ /a{,3}/)
value.source['schema'] == 'public'
value.source.get('schema') == 'public'
value.source.getString('schema') == 'public'
value.after?.get('schema') == 's1'
55 == '7'
'7' == 55
'a' > 5
5 < 'a'
value.after?.id < 'a'
value.after?.id == '\u0007'
value.after?.attrs?.color in ['red']
'size' in value.after?.attrs
'nope' in value.after?.attrs
value.op in 'u'
value.after?.id in 7
value.after.tags.length() == 2
header.idh.value() == 10
header.idh?.schema() == null
value.schema().name() == 'x'
value.name() == 'x'
value.op.name() == 'x'
value.after?.name?.substring(1) == 'nna'
value.after?.name?.substring(0, 2) == 'An'
value.after?.name?.substring(9) == 'x'
value.after?.name?.replace('n', 'm') == 'Amma'
value.after?.name?.includes('nn')
value.after?.name?.length == 4
value.after?.name[0] == 'A'
value.after?.name[-1] == 'a'
value.after?.name[9] == 'a'
value.after?.name.startsWith(null)
value.after?.name?.contains(1)
value.after?.name.equals(null)
value.after.status.equals('ACTIVE')
value.before.name.equals('x')
null.equals(null)
null.toString() == 'null'
value.after?.tags?.get(5) == null
value.after?.tags?.get(-1) == null
value.after?.tags?.contains(null)
value.after?.nums?.contains(2L)
2L in value.after?.nums
value.after?.nums?.contains(null)
value.after?.nums == [1L, 2.0, 3]
value.after?.nums?.equals([1L, 2.0, 3])
value.after?.tags == 'a'
value.after?.tags == [['a'], 'b']
[[1, 2], [3]] == [[1, 2], [3.0]]
value.getArray('op') == null
value.after?.getArray('tags')?.size() == 2
value.after?.getMap('attrs')?.size() == 2
value.after?.getBoolean('active')
value.after?.getFloat64('ratio') > 2
value.after?.getInt16('small') == 300
value.after?.getInt32('nope') == 1
value.after?.get('nope') == 1
value.get('op').get('x')
valueSchema.field('op').name == 'op'
valueSchema.field('nope').name() == 'x'
valueSchema.field('after').schema().name() == 'srv.public.orders.Value'
valueSchema.type() == 'STRUCT'
valueSchema.type.name() == 'STRUCT'
valueSchema.field('op').schema().type().toString() == 'STRING'
keySchema.field('id') != null
value.after?.name < null
value.after?.name >= 'Anna'
'Z' < 'a'
'ä' > 'z'
true > false
true == 'true'
true > 'a'
!(1 > 2) && !('a' == 'b')
!value.op == 'u'
-value.after?.id > -8
1 - -1 == 2
1 - - 1 == 2
2 - 1 - 1 == 0
8 / 2 / 2 == 2
2 + 3 * 4 - 6 / 2 == 11
7 - 2 * 3 % 4 == 5
true || false && false
1 == 1 == true
1 < 2 && 2 < 3 || false
value.op == 'c' ? value.after?.id == 7 ? true : false : false
value.op == 'c' ? true : false || true
value.before ? true : false
value.before?.id ?: value.after?.id ?: 0 == 0
(value.before?.id ?: value.after?.id ?: 0) == 7
value.before?.tags?.size()?.toString() == '0'
value.after?.ratio % 2 == 0.5
value.after?.qty % 7 == 3
value.after?.qty / 1000 == 5000000
value.after?.total / 8 == 12.5
value.after?.total / 7 > 14.285714285
value.after?.created_at / 1000000 > 1577836800
value.after?.created_at - value.source.ts_ms * 1000 < 0
value.source.ts_ms / 1000 > 1577880000
value.source.ts_ms % 1000 == 123
(value.ts_ms - value.source.ts_ms) / 1000.0 < 1
value.after?.big + 1 > value.after?.big
value.after?.big * value.after?.big > 0
value.after?.fine * value.after?.fine * value.after?.fine > 0
1.5f + 1.5f == 3
1.1f == 1.1
1.1f == 1.1f
1.1f < 1.1
3i == 3
3g == 3
1.5g == 1.5
1f / 3 == 1 / 3
0.1 * 3 == 0.3
0.1d * 3 == 0.3
1e2 == 100
0b11 == 3
017 == 15
1__0 == 10
'\x41' == 'A'
'\t' == "\t"
'\b' == 'b'
'\d' == 'd'
"a'b" == 'a\'b'
/a\/b/ == 'a/b'
/a\d/ == 'a\\d'
$/a/$ == 'a'
"$" == '$'
'$' == "\$"
'$x' == '$' + 'x'
"a" "b" == 'ab'
value.op == 'u' ;
;value.op == 'u'
value.op == 'u';;
(value.op) == 'u'
value.(op) == 'u'
value.@op == 'u'
value*.op == ['u']
value.op?.length() == 1
value.op?.size() == 1
value?.get('op') == 'u'
this.value.op == 'u'
it == null
value.op == value['o' + 'p']
value.after?[0] == 1
value?['op'] == 'u'
value.after?.tags?[0] == 'a'
"""

TOPICS = r"""
value.op == 'u' ? 'updates' : null
value.op == 'd' ? 'deleted-archive' : null
value.op == 'c' ? 'business.orders.insert' : value.op == 'd' ? 'business.orders.delete' : 'business.orders.update'
(value.op in ['c','u','d'] )   ? topic : null
value.after?.country?.value == 'UK' ? 'uk_users' : (value.after?.country?.value == 'US' ? 'us_users' : null)
value.after != null ? (value.after?.country?.value == 'UK' ? 'uk_users' : null) : (value.before?.country?.value == 'UK' ? 'uk_users' : null)
value.source.table == 'orders' ? 'orders-' + value.op : null
value.source.table
value.source.schema
value.after.status
value.after?.status
value.after?.status?.toLowerCase()
value.after.status == 'ACTIVE' ? 'events-eu' : 'events-us'
topic + '-' + value.op
topic + '.' + value.source.table.toUpperCase()
topic
null
'fixed'
''
value.op == 'u' ? "updates" : ''
value.after?.id
value.after?.active
value.after?.price
"topic-${value.op}"
"topic-$topic"
"plain"
topic.replace('public', 'private')
topic.replaceAll('srv', 'x')
topic.substring(4)
topic - 'srv.'
topic.toString()
value.op + 1
'n' + 1 + 2
1 + 2 + 'n'
'n' + null
null + 'n'
value.after?.name ?: 'none'
value.after?.name ?: null
value.after?.text ?: 'empty'
value.after?.n ?: 'zero'
value.after?.id > 5 ? 'high' : 'low'
key?.id > 5 ? 'a' : 'b'
header.tenant?.value
header.tenant?.value ? 'tenant-' + header.tenant.value : null
value.op == 'r' ? 'snapshot' : value.after?.price > 10 ? 'expensive' : 'cheap'
value.metadata.table
value == null ? 'nulls' : (value.before.id == 1 ? 'ones' : null)
if (value.op == 'u') 'updates'
value.op == 'u' ? 'updates'
switch (value.op) { case 'u': return 'x' }
value.op == 'c' && 'creates'
value.op == 'c' || 'others'
"""

TEXTS = r"""
1
1.0
1.50
1e3
1.5e3
100000000.0
1.0d
100000000.0d
1e-5d
12345678.5d
0.001d
0.1f
1e10f
3L
5g
-0.0d
0x10
010
1_000
value.after?.id
value.after?.price
value.after?.total
value.after?.fine
value.after?.big
value.after?.qty
value.after?.small
value.after?.ratio
value.after?.rate
value.after?.n
value.after?.active
value.after?.name
value.after?.created_at
value.after?.tags
value.after?.raw
value.after?.country
value.after?.attrs
[1, 'a', null]
[]
null
true
key
valueSchema
valueSchema?.type
valueSchema?.type()
valueSchema?.name
valueSchema?.version
1 + 1
1 + 1.5
1.1 + 2.2
1.1d + 2.2d
1.1f + 2.2f
0.1 + 0.2
0.1f + 0.2
0.1f + 1
10 / 2
10 / 4
10 / 3
1 / 3
2 / 3
1.0 / 3
10.50 / 2
22.0 / 7
1000000 / 3
10 / 4L
10 / 4.0d
10 / 4f
1 / 8
100 / 3
0.00001 / 3
7 % 4
-7 % 4
7.5 % 2
-7.5d % 2
2 * 3
2.50 * 2
2.50 * 2.0
2.5 * 2d
2147483647 + 1
2147483647 * 2
2147483647L + 1
-2147483648
-2147483648 - 1
9223372036854775807
9223372036854775807 + 1
9223372036854775808
2147483648
99999999999999999999
0.1
1.10
1.23456789012345678901234567890
-1
- 1.5
-value.after?.id
-value.after?.price
value.after?.id + 1
value.after?.small + 1
value.after?.small * 200
value.after?.id + 0.5
value.after?.id * 1000000000
value.after?.qty * 2
value.after?.qty * 5000000000
value.after?.price + 1
value.after?.price * 2
value.after?.price * value.after?.price
value.after?.price / 2
value.after?.price / 3
value.after?.price - value.after?.total
value.after?.price % 3
value.after?.fine + 1
value.after?.big + 1
value.after?.ratio + 1
value.after?.ratio / 2
value.after?.ratio + value.after?.price
value.after?.rate + 1
value.after?.rate * 2
value.after?.rate + value.after?.ratio
value.after?.id / 2
value.after?.id / 7
value.after?.name + value.after?.id
value.after?.name + 1.0
value.after?.name + 1.5d
value.after?.name + true
value.after?.id + value.after?.name
value.after?.tags + 'x'
value.after?.name?.size()
value.after?.text?.size()
value.after?.text?.trim()
value.after?.text?.toUpperCase()
value.after?.name?.toUpperCase()
value.after?.nums?.size()
value.after?.id?.toString()
value.after?.price?.toString()
value.after?.ratio?.toString()
value.after?.big?.toString()
value.after?.tags?.toString()
value.after?.name ?: 'x'
value.after?.n ?: 5
value.after?.ratio ?: 'falsy'
value.after?.qty ?: 'falsy'
value.after?.price ?: 'falsy'
value.after?.fine ?: 'falsy'
value.after?.tags ?: 'falsy'
value.after?.attrs ?: 'falsy'
value.after?.country ? 'truthy' : 'falsy'
value.after?.text ? 'truthy' : 'falsy'
header ? 'truthy' : 'falsy'
value.op && value.source
value.op || false
header.idh?.value
header.tenant?.value
header.size()
topic
topic.size()
'a' + 'b' + 1
'it\'s'
"it's"
'tab\there'
'\\d'
'\u0041'
'a\$b'
"a\$b"
/a.b/
'ä€'
'x' + 'y'.size()
'abc'.contains('b')
'ÄÖ'.toLowerCase()
'İ'.toLowerCase()
'ß'.toUpperCase()
'ΑΣ'.toLowerCase()
'I'.equalsIgnoreCase('ı')
'K'.equalsIgnoreCase('K')
'ß'.equalsIgnoreCase('SS')
'ς'.equalsIgnoreCase('Σ')
'\u00a0x\u2003'.trim()
'\u0000x\u001f'.trim()
'a' < 'B'
'\uffff' < '\ud83d\ude00'
'\ud83d\ude00'.size()
1 <=> 2
1 == 1 ? 'y' : 'n'
null ?: 'd'
0 ?: 'd'
'' ?: 'd'
false ?: 'd'
[] ?: 'd'
0.0 ?: 'd'
0.0d ?: 'd'
' ' ?: 'd'
[0] ?: 'd'
value.op == 'c' ? 1 : 2.0
value.op.length()
value.op.isEmpty()
['a', 'b'][0]
['a', 'b'][-1]
['a', 'b'][-3]
['a', 'b'][2]
['a', 'b'].get(0)
['a', 'b'].get(2)
['a', 'b'].size()
'abc'[0]
'abc'[-1]
value['op']
value.source['table']
"""

JS_CONDITIONS = r"""
value.op == 'u' && value.before.id == 2
value.op === 'u'
value.op !== 'u'
value.op != 'd' || value.before.id != 2
value.get('op') == 'u' && value.get('before').get('id') == 2
value.after != null && value.after.id > 5
value.after && value.after.id > 5
value.after.id > 5
value.after?.id > 5
value.after?.id == '7'
value.after?.id === 7
value.after?.id === '7'
value.after?.name === 'Anna'
value.before == null
value.before === null
value.before == undefined
value.before === undefined
value.nope === undefined
value.nope == null
value.after?.price > 10
value.after?.price == 19.99
value.after?.total == 100
value.after?.qty > 1000000
value.after?.active === true
value.after?.active
['c', 'u'].includes(value.op)
['c', 'u'].indexOf(value.op) >= 0
value.op.length === 1
value.after?.name?.length === 4
value.after?.name?.startsWith('An')
value.after?.name?.includes('nn')
value.after?.name?.toUpperCase() === 'ANNA'
/^An/.test(value.after?.name)
/^An/i.test(value.after?.name)
/orders$/.test(topic)
topic.startsWith('srv')
topic === 'srv.public.orders'
header.idh.value == 10
header.idh?.value === 10
header.idh?.value() == 10
header.nope === undefined
header.nope == null
header['tenant']?.value == 'acme2'
value.source.table == 'orders' ? true : false
value.after?.tags?.length == 2
value.after?.tags?.includes('b')
value.after?.tags[0] == 'a'
value.after?.nums?.size() == 3
value.after?.country?.value == 'UK'
value.after?.attrs?.color == 'red'
'a' == 'a'
'1' == 1
1 == true
'' == 0
null == 0
null >= 0
null == undefined
'10' < '9'
'10' < 9
'a' < 1
1 / 0 > 5
7 / 2 == 3.5
-7 % 4 == -3
'a' + 1 == 'a1'
1 + '1' == 11
'3' - 1 == 2
!value.before
!!value.after
value.op
value.after?.id && true
value.before || true
value.before ?? true
(value.before ?? value.after)?.id == 7
value.op == 'u' ? true : false
return value.op == 'u'
value.op == 'u';
let a = 1; a == 1
value.op in ['c', 'u']
'op' in value
valueSchema.name() == 'srv.public.orders.Envelope'
valueSchema.name == 'srv.public.orders.Envelope'
keySchema.name() == 'srv.public.orders.Key'
value.op.equals('u')
value.op.matches('u')
value.after?.name?.trim() == 'Anna'
value.after?.name?.toLowerCase() == 'anna'
value.after?.name?.size() == 4
value.after?.name?.isEmpty()
value.after?.text?.trim() === 'Grüße, \n\u{1f600}'
[1, 2] == [1, 2]
value.after == value.after
"u" == value.op
`u` == value.op
value["op"] == "u"
value['after']['id'] == 7
key.id == 7
true
1
null
value.source.schema == 'public'
value.after?.price === 19.99
value.after?.price + 1 == 20.99
!value.after?.price
value.after?.price ? true : false
value.after?.price > value.after?.ratio
value.after?.price < '20'
value.after?.qty === 5000000000
value.after?.qty + 1 === 5000000001
value.after?.tags == null
value.after?.tags ? true : false
!value.after?.tags
value.after?.tags?.includes('z') == false
value.after?.nums?.includes(2) == true
value.after?.nums[1] === 2
value.after?.nums[9] == undefined
value.after?.name[0] == 'A'
value.after?.name[9] == undefined
/null/.test(value.before)
/undefined/.test(value.nope)
/7/.test(value.after?.id)
/\d/.test('\u0663')
/^.$/.test('\n')
/a$/.test('a\n')
/\s/.test('\ufeff')
/[a-c&&b]/.test('&')
/\w/.test('ä')
value.after?.name < 'B'
value.after?.name > 5
value.after > 1
value.before == 1
value.after == 'x'
value.after === null
'true' == true
true == 1
true === 1
null === undefined
undefined > 0
undefined == 0
' 7 ' == 7
'0x7' == 7
'' == false
'a' == 0
-'3' == -3
'3' * '2' == 6
'3' + 2 === '32'
1 / 3 > 0.33
5 % 0 == 5
(0 / 0) == (0 / 0)
!(0 / 0)
valueSchema.version() == 2
valueSchema.field('op') != null
valueSchema.field('nope') == null
valueSchema.type() == 'STRUCT'
valueSchema.type().toString() == 'STRUCT'
value.op.toString() === 'u'
value.after?.id.toString() === '7'
value.after?.active.toString() === 'true'
value.before?.tags.length == 0
(value.before?.tags).length == 0
value.before?.country.value == null
value.after?.attrs['color'] == 'red'
value.after?.attrs?.nope === undefined
header.idh == null
header?.idh?.value == 10
!!header.tenant
header.tenant.value.length == 5
topic.includes('orders') && value.op != 'd'
value.op == 'u' || value.op == 'c' && value.after.id == 7
1 == 1 ? true : false
'a' == "a"
value.op in value
value.op == 'u' ?: false
value.op =~ 'u'
value.op ==~ 'u'
010 == 8
1_000 == 1000
1.5f == 1.5
.5 == 0.5
5. == 5
"""

JS_TEXTS = r"""
1
1.0
1.5
1e21
1e-7
0.1 + 0.2
100000000.0
7 / 2
6 / 2
1 / 3
2147483647 + 1
9007199254740993
9223372036854775807 + 1
value.after?.id
value.after?.price
value.after?.total
value.after?.qty
value.after?.ratio
value.after?.rate
value.after?.active
value.after?.name
value.after?.tags
value.after?.n
value.before
value.nope
null
undefined
true
value.after?.id + 1
value.after?.qty + 1
value.after?.ratio * 2
value.after?.name + 1
value.op || 'x'
value.before || 'x'
value.before ?? 'x'
value.op && 'y'
0 || 'x'
'' || 'x'
'' ?? 'x'
0 ?? 'x'
topic
topic.length
value.after?.name?.length
value.after?.tags?.length
header.idh?.value
'a' + null
'a' + undefined
-7 % 4
7.5 % 2
-0.0
'ä'.toUpperCase()
'a'.length
1 > 0
[1, 2]
['a'][0]
['a'][5]
"""

OPTIONS = [
    ("Filter", "value.op == 'c'", {"topic_regex": "srv\\.public\\.orders"}),
    ("Filter", "value.op == 'c'", {"topic_regex": "srv"}),
    ("Filter", "value.op == 'c'", {"topic_regex": "srv.*"}),
    ("Filter", "value.op == 'c'", {"topic_regex": "srv.public.(orders|users)"}),
    ("Filter", "value.op == 'c'", {"topic_regex": "(?!.*(__debezium-heartbeat)).*"}),
    ("Filter", "value.op == 'c'", {"topic_regex": "(?!.*heartbeat|.*transaction).*"}),
    ("Filter", "value.op == 'c'", {"topic_regex": "^((?!heartbeat).)*$"}),
    ("Filter", "value.op == 'c'", {"topic_regex": "[*"}),
    ("Filter", "value.op == 'c'", {"topic_regex": ""}),
    ("Filter", "value.op == 'c'", {"null_handling_mode": "keep"}),
    ("Filter", "value.op == 'c'", {"null_handling_mode": "drop"}),
    ("Filter", "value.op == 'c'", {"null_handling_mode": "evaluate"}),
    ("Filter", "value == null || value.op == 'c'", {"null_handling_mode": "evaluate"}),
    ("Filter", "value?.op == 'c'", {"null_handling_mode": "evaluate"}),
    ("Filter", "valueSchema == null", {"null_handling_mode": "evaluate"}),
    ("Filter", "key?.id == 7", {"null_handling_mode": "evaluate"}),
    ("Filter", "value.op == 'c'", {"null_handling_mode": "DROP"}),
    ("Filter", "value.op == 'c'", {"null_handling_mode": "nope"}),
    ("Filter", "", {}),
    ("Filter", "value.op == 'c'", {"language": ""}),
    ("Filter", "value.op == 'c'", {"language": "groovy"}),
    ("Filter", "value.op == 'c'", {"language": "jsr223.Groovy"}),
    ("Filter", "value.op == 'c'", {"language": "jsr223.nope"}),
    ("Filter", "value.op == 'c'", {"language": "jsr223.jexl"}),
    ("ContentBasedRouter", "value == null ? 'gone' : value.op", {"null_handling_mode": "evaluate"}),
    ("ContentBasedRouter", "value == null ? 'gone' : value.op", {"null_handling_mode": "drop"}),
    ("ContentBasedRouter", "value == null ? 'gone' : value.op", {"null_handling_mode": "keep"}),
    ("ContentBasedRouter", "'all'", {"topic_regex": "srv\\.public\\..*"}),
    ("ContentBasedRouter", "", {}),
    ("Filter", "value.op == 'c' ||\n value.op == 'u'", {}),
    ("Filter", "value.op == 'c'\n|| value.op == 'u'", {}),
    ("Filter", "value.op == 'c'\n&& value.after.id == 7", {}),
    ("Filter", "value.op == 'u'\n", {}),
    ("Filter", "  value.op == 'u'  ", {}),
    ("Filter", "value.op ==\n'u'", {}),
    ("Filter", "value\n.op == 'u'", {}),
    ("Filter", "(value.op == 'c'\n|| value.op == 'u')", {}),
    ("Filter", "value.op in [\n'c',\n'u'\n]", {}),
    ("Filter", "value.op == 'c' ? true\n: false", {}),
    ("Filter", "value.op == 'c'\nvalue.op == 'u'", {}),
    ("Filter", "value.op\n== 'u'", {}),
    ("Filter", "'u' +\n'v' == 'uv'", {}),
    ("Filter", "value == null", {"null_handling_mode": "evaluate", "language": "jsr223.graal.js"}),
    ("Filter", "value.op == 'c'\n|| value.op == 'u'", {"language": "jsr223.graal.js"}),
]
