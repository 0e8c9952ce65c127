mod denied;
mod ends;
mod found;
mod hindered;
mod left;
mod marked;
mod said;
mod stage;
