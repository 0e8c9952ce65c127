mod denied;
mod ends;
mod found;
mod hindered;
mod left;
mod said;
mod stage;
