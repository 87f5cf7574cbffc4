// drop_orphaned_index: remove an index that a killed server left behind, so that its constraint can be made
//
// $name: string
// :param [{name}] => { RETURN 'customer_id' AS name }
DROP INDEX $name IF EXISTS
