-- SPDX-License-Identifier: Apache-2.0
-- torch.class and what asks for classes.
local torch = require 'torch'
local t = require 'tap'

t.test('class: makes objects that know their name, and inherits', function()
  local module = {}
  local Base = torch.class('lib.Base', module)
  function Base:__init(x) self.x = x end
  function Base:twice() return 2 * self.x end
  local Derived, parent = torch.class('lib.Derived', 'lib.Base', module)
  t.equal(parent, Base)
  function Derived:__init(x) parent.__init(self, x + 1) end
  local object = module.Derived(4)
  t.equal(object:twice(), 10)
  t.equal(torch.type(object), 'lib.Derived')
  t.equal(torch.typename(module.Base(1)), 'lib.Base')
  t.equal(torch.isTypeOf(object, 'lib.Base'), true)
  t.equal(torch.isTypeOf(object, 'lib.Other'), false)
end)

t.test('class: is a field of the module, a global table or the globals, by its name', function()
  local module = {}
  t.equal(torch.class('lib.class', module), module.class)
  _G.classtest = {}
  t.equal(torch.class('classtest.Inner'), _G.classtest.Inner)
  t.equal(torch.class('ClassTestOuter'), _G.ClassTestOuter)
  t.equal(torch.class('torch.ClassTestOwn'), torch.ClassTestOwn)
  t.equal(torch.type(module.class()), 'lib.class')
end)

t.test('class: an error names the place of its caller', function()
  t.raises('torch_class_test.lua:', function() torch.class(3) end)
  t.raises('expected the name of the class, got number', torch.class, 3)
  t.raises("got 'lib.'", torch.class, 'lib.')
  t.raises("there is no class 'lib.None'", torch.class, 'lib.X', 'lib.None')
end)

t.test('class: a name that is defined again stays the class of its objects', function()
  local Again = torch.class('lib.Again', {})
  local object = Again()
  local redefined = torch.class('lib.Again', {})
  function redefined.answer() return 42 end
  t.equal(redefined, Again)
  t.equal(object:answer(), 42)
end)

t.test('class: a module may be given with a parent that is nil', function()
  local module = {}
  torch.class('lib.Orphan', nil, module)
  t.equal(torch.type(module.Orphan()), 'lib.Orphan')
end)

t.test('class: operators are spelt as in torch7, and inherited', function()
  local Number = torch.class('lib.Number', {})
  function Number:__init(n) self.n = n end
  function Number:__tostring__() return 'number ' .. self.n end
  function Number:__call__(n) return self.n + n end
  function Number.__add__(a, b) return Number(a.n + b.n) end
  function Number.__eq__(a, b) return a.n == b.n end
  function Number.__len__(number) return number.n end
  t.equal(tostring(Number(3)), 'number 3')
  t.equal(Number(3)(4), 7)
  t.equal((Number(3) + Number(4)).n, 7)
  t.equal(Number(3) == Number(3), true)
  t.equal(#Number(3), 3)
  local Derived = torch.class('lib.DerivedNumber', 'lib.Number', {})
  t.equal(tostring(Derived(5)), 'number 5')
  function Derived:__tostring__() return 'derived ' .. self.n end
  t.equal(tostring(Derived(5)), 'derived 5')
  t.equal(tostring(Number(5)), 'number 5')
end)

t.test('type, typename: what is no object of a class has no name', function()
  local fake = setmetatable({}, {__typename = 'lib.Fake'})
  t.equal(torch.typename(fake), nil)
  t.equal(torch.type(fake), 'table')
  t.equal(torch.typename(torch.class('lib.Itself', {})), nil)
  t.equal(torch.typename(), nil)
  t.equal(torch.type(nil), 'nil')
  t.equal(torch.type(io.stdout), 'userdata')
  t.equal(torch.type(print), 'function')
end)

t.test('isTypeOf: takes a name, a pattern, a class and a constructor', function()
  local Base = torch.class('lib.OfBase', {})
  local Derived = torch.class('lib.OfDerived', 'lib.OfBase', {})
  t.equal(torch.isTypeOf(Derived(), Base), true)
  t.equal(torch.isTypeOf(Base(), Derived), false)
  t.equal(torch.isTypeOf(Derived(), 'lib%.Of.*'), true)
  t.equal(torch.isTypeOf(Derived(), 'Of'), false)
  t.equal(torch.isTypeOf(torch.FloatTensor(1), 'torch.*Tensor'), true)
  t.equal(torch.isTypeOf(torch.FloatTensor(1), torch.FloatTensor), true)
  t.equal(torch.isTypeOf(torch.FloatTensor(1), torch.LongTensor), false)
  t.equal(torch.isTypeOf(torch.FloatTensor(1), 'torch.FloatStorage'), false)
  t.equal(torch.isTypeOf({}, 'lib.OfBase'), false)
  t.equal(torch.isTypeOf(nil, 'nil'), false)
end)

t.test('factory: makes objects without __init', function()
  local Made = torch.class('lib.Made', {})
  function Made.__init() error('not to be called') end
  t.equal(torch.type(torch.factory('lib.Made')()), 'lib.Made')
  t.equal(torch.type(torch.factory('torch.IntTensor')()), 'torch.IntTensor')
  t.equal(torch.factory('lib.NotMade'), nil)
end)

t.test('getmetatable: of a class is the class', function()
  local Got = torch.class('lib.Got', {})
  t.equal(torch.getmetatable('lib.Got'), Got)
  t.equal(torch.getmetatable('lib.NotGot'), nil)
end)

t.test('save, load: objects go through files', function()
  local Kept = torch.class('lib.Kept', {})
  function Kept:sum() return self.tensor:sum() end
  local object, path = Kept(), os.tmpname()
  object.tensor = torch.ones(3)
  torch.save(path, {object = object})
  local read = torch.load(path).object
  os.remove(path)
  t.equal(torch.type(read), 'lib.Kept')
  t.equal(read:sum(), 3.0)
end)

t.done()
